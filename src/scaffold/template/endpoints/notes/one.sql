/*
get = "/notes/{id}"
summary = "One note"
tags = ["notes"]
result = "row"

[parameters]
id = { type = "int8", minimum = 1, example = 1, description = "The note's number" }
*/
SELECT id, body, written_at
FROM notes
WHERE id = :id
