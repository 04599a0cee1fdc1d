/*
post = "/entries"
summary = "One more entry"
result = "value"

[parameters]
number = { type = "int8", minimum = 1 }
*/
INSERT INTO entries (number, filler) VALUES (:number, repeat('x', 2000)) RETURNING number
