/*
get = "/others/{day}"
page = { by = ["code"], size = 3, max_size = 5 }

[parameters]
day = { type = "date" }
from_code = { required = false, from = "query" }
*/
SELECT code, note FROM days
WHERE day = :day AND (:from_code::text IS NULL OR code >= :from_code)
