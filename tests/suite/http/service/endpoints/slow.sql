/*
get = "/slow"
result = "value"

[parameters]
seconds = { type = "float8", minimum = 0, maximum = 9 }
*/
SELECT 'slept' FROM (SELECT pg_sleep(:seconds)) AS done
