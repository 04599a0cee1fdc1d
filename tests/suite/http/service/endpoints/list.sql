/*
get = "/things"
result = "rows"
envelope = "things"

[parameters]
limit = { type = "int8", default = 3, minimum = 0, maximum = 100000 }
*/
SELECT n AS id, repeat('x', 20) AS name FROM generate_series(1, :limit) AS n
