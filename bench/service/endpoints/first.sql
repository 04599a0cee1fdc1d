/*
get = "/first"
result = "rows"
max_rows = 1000000

[parameters]
n = { type = "int4", minimum = 1, maximum = 1000000 }
*/
SELECT id, name, score, amount, day, at FROM items WHERE id <= :n ORDER BY id
