/*
post = "/plain"
auth = "public"
result = "row"

[parameters]
item = { type = "text" }
*/
INSERT INTO orders (item) VALUES (:item) RETURNING id, item
