/*
post = "/load"
auth = "public"
idempotent = true
copy = "orders (item)"
*/
