/*
put = "/orders/{id}"
auth = "public"
idempotent = true
result = "row"

[parameters]
id = { type = "int8" }
item = { type = "text" }
*/
UPDATE orders SET item = :item WHERE id = :id RETURNING id, item
