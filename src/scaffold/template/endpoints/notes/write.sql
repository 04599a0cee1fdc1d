/*
post = "/notes"
summary = "Write a note"
tags = ["notes"]
result = "row"

[parameters]
body = { type = "text", min_length = 1, max_length = 1000, example = "Elephants remember.", description = "The text" }
*/
INSERT INTO notes (body)
VALUES (:body)
RETURNING id, body, written_at
