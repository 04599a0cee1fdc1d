/*
get = "/slow"
auth = "public"
cache = { ttl = "1h", channel = "Prices changed" }
result = "row"

[parameters]
code = { type = "text" }
*/
SELECT price, pg_sleep(0.7)::text = '' AS slept FROM prices WHERE code = :code
