/*
post = "/things"
result = "row"

[parameters]
id = { type = "int4" }
name = { type = "text", max_length = 2000 }
tags = { type = "text[]", default = [] }
extra = { type = "jsonb", default = {} }
*/
INSERT INTO things (id, name, tags, extra) VALUES (:id, :name, :tags, :extra)
RETURNING id, name, tags, extra
