/*
get = "/a/{id}"
resutl = "row"
max_rows = -1

[parameters]
unused = { type = "int", minimum = 2, maximum = 1 }
*/
SELECT $1, :missing FROM a
