/*
get = "/a/{id}"

[parameters]
id = { from = "query" }
b = { from = "path" }
c = { from = "body" }
d = { from = "header" }
e = { from = "header:X Name" }
f = { from = "claims:sub" }
g = { from = "cookie" }
h = { from = "qeury" }
*/
SELECT :id, :b, :c, :d, :e, :f, :g, :h;
