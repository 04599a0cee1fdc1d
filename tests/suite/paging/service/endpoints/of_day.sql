/*
get = "/days/{day}"
envelope = "items"
page = { by = ["code"], size = 3, max_size = 5 }

[parameters]
day = { type = "date" }
from_code = { required = false, from = "query" }
*/
WITH found AS (SELECT * FROM days WHERE day = :day)
SELECT code, note FROM found
WHERE :from_code::text IS NULL OR code >= :from_code -- a comment at the end
