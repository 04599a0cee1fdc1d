/*
get = "/one/{id}"
result = "row"
*/
SELECT id, price, note FROM prices WHERE id = :id
