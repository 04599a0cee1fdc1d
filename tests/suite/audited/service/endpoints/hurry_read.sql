/*
get = "/hurry"
result = "value"
audit = true
deadline = "1s"
*/
SELECT pg_sleep(seconds)::text AS slept FROM pauses
