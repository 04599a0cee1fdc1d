/*
get = "/echo"
result = "value"

[parameters]
text = { type = "text" }
*/
SELECT :text
