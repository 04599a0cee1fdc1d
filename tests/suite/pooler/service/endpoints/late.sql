/*
get = "/late"
result = "row"
lane = "patient"
*/
SELECT pg_sleep(61)::text AS slept
