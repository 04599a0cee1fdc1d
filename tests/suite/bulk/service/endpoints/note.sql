/*
post = "/echo"

[parameters]
text = { type = "text" }
*/
INSERT INTO notes (text) VALUES (:text) RETURNING text
