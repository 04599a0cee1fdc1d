/*
get = "/segments/{segment}"
result = "value"

[parameters]
segment = { type = "text" }
*/
SELECT :segment
