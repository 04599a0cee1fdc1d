/*
delete = "/orders/{id}"
auth = "public"
idempotent = true
result = "none"
*/
DELETE FROM orders WHERE id = :id
