/*
get = "/packed/{lines}"
result = "row"
stream = false

[parameters]
lines = { type = "int4" }
*/
SELECT array_agg(md5(i::text)) AS lines FROM generate_series(1, :lines) AS i
