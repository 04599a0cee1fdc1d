/*
delete = "/things/{id}"
result = "none"

[parameters]
id = { type = "int4" }
*/
DELETE FROM things WHERE id = :id
