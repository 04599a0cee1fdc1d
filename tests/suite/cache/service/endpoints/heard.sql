/*
get = "/heard"
auth = "public"
cache = { ttl = "1h", channel = "Prices changed" }

[parameters]
code = { type = "text" }
*/
SELECT price FROM prices WHERE code = :code
