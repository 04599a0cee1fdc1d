/*
get = "/trace"
result = "value"

[parameters]
trace = { type = "text", from = "header:X-Trace" }
*/
SELECT :trace
