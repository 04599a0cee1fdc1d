/*
post = "/hurry"
result = "row"
audit = true
deadline = "1s"

[parameters]
name = {}
*/
WITH made AS (INSERT INTO patients (name) VALUES (:name) RETURNING id, name)
SELECT id, name, (SELECT pg_sleep(seconds)::text = '' FROM pauses WHERE made.id > 0) AS slept FROM made
