/*
post = "/hurry/once"
result = "row"
audit = true
idempotent = "required"
deadline = "1s"

[parameters]
name = {}
*/
WITH made AS (INSERT INTO patients (name) VALUES (:name) RETURNING id, name)
SELECT id, name, (SELECT pg_sleep(seconds)::text = '' FROM pauses WHERE made.id > 0) AS slept FROM made
