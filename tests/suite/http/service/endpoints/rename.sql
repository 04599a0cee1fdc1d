/*
put = "/things/{id}"
result = "row"

[parameters]
id = { type = "int4" }
name = { type = "text" }
*/
UPDATE things SET name = :name WHERE id = :id RETURNING id, name
