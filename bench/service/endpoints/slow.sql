/*
get = "/slow"
result = "value"

[parameters]
n = { type = "int4" }
*/
SELECT :n + 0 * length(pg_sleep(0.2)::text) AS slow
