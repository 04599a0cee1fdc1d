/*
get = "/slow"
result = "row"
*/
SELECT pg_sleep(60)::text AS slept
