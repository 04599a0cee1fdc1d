/*
get = "/prices"
on_conflict = "skip"
conflict = ["day"]
max_bytes = "1 MiB"
*/
SELECT 1 AS one
