/*
patch = "/things/{id}"
result = "row"

[parameters]
id = { type = "int4" }
tags = { type = "text[]" }
*/
UPDATE things SET tags = :tags WHERE id = :id RETURNING id, tags
