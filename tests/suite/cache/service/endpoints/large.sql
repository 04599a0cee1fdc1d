/*
get = "/large"
auth = "public"
cache = "1h"
result = "row"

[parameters]
code = { type = "text" }
*/
SELECT price, repeat('x', 20000) AS filler FROM prices WHERE code = :code
