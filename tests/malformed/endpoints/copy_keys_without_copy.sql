/*
get = "/prices"
on_conflict = "skip"
conflict = ["day"]
max_bytes = "1 MiB"
idempotent = true
*/
SELECT 1 AS one
