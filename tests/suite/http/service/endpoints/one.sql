/*
get = "/things/{id}"
result = "row"

[parameters]
id = { type = "int4" }
*/
SELECT id, name FROM things WHERE id = :id
