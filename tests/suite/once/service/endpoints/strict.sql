/*
post = "/strict"
auth = "public"
idempotent = "required"

[parameters]
item = { type = "text" }
*/
INSERT INTO orders (item) VALUES (:item) RETURNING id, item
