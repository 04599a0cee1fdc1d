/*
get = "/price"
auth = "public"
cache = "2s"
result = "row"

[parameters]
code = { type = "text" }
*/
SELECT code, price, current_user AS asker FROM prices WHERE code = :code
