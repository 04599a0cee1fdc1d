/*
get = "/port"
result = "row"
batch = false

[parameters]
code = { type = "text", pattern = "[A-Z0-9]{5}" }
*/
SELECT code, name FROM ports WHERE code = :code
