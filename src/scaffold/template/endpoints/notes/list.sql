/*
get = "/notes"
summary = "The notes, newest first"
tags = ["notes"]
result = "rows"
envelope = "notes"
max_rows = 100

[parameters]
contains = { type = "text", required = false, max_length = 100, example = "elephant", description = "Part of the text, in any case" }
limit = { type = "int4", default = 20, minimum = 1, maximum = 100, description = "The most notes" }
*/
SELECT id, body, written_at
FROM notes
WHERE :contains IS NULL OR strpos(lower(body), lower(:contains)) > 0
ORDER BY id DESC
LIMIT :limit
