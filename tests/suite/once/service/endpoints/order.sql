/*
post = "/orders"
auth = "public"
idempotent = true
result = "row"

[parameters]
item = { type = "text", max_length = 100 }
pause = { type = "float8", default = 0 }
*/
WITH made AS (INSERT INTO orders (item) VALUES (:item) RETURNING id, item, maker)
SELECT id, item, maker, pg_sleep(:pause)::text = '' AS slept FROM made
