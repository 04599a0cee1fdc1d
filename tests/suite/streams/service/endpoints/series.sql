/*
get = "/series/{rows}"
max_rows = 10000000

[parameters]
rows = { type = "int4" }
width = { type = "int4", default = 50 }
*/
SELECT i AS number, repeat('x', :width) AS filling FROM generate_series(1, :rows) AS i
