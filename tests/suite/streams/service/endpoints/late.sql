/*
get = "/late/{at}"
max_rows = 100000

[parameters]
at = { type = "int4" }
*/
SELECT i AS number, 1 / (i - :at) AS inverse, 'late' AS marker FROM generate_series(1, 100000) AS i
