/*
get = "/items"
result = "rows"

[parameters]
after = { type = "int4", minimum = 0 }
*/
SELECT id, name, score, amount, day, at FROM items WHERE id > :after AND id <= :after + 500 ORDER BY id
