/*
post = "/hurry"
auth = "public"
idempotent = true
deadline = "1s"
result = "row"

[parameters]
item = { type = "text" }
*/
WITH made AS (INSERT INTO orders (item) VALUES (:item) RETURNING id, item)
SELECT id, item, (SELECT pg_sleep(seconds)::text = '' FROM pauses WHERE made.id > 0) AS slept FROM made
