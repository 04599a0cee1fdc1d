/*
get = "/a"

[parameters]
first = { type = "int" }
last = { type = "int" }
*/
SELECT list[:first:last] AS part FROM a
