/*
get = "/port"
result = "row"
batch = true

[parameters]
code = { type = "text", pattern = "[A-Z0-9]{5}" }
*/
SELECT code, name FROM ports WHERE code = :code
