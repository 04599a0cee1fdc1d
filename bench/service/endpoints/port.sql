/*
get = "/port"
result = "row"

[parameters]
code = { type = "text", pattern = "[A-Z0-9]{5}" }
*/
SELECT code, name FROM ports WHERE code = :code
