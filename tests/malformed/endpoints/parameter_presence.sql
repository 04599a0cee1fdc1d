/*
get = "/a/{id}"

[parameters]
id = { default = "x", required = false }
b = { default = 1, required = true }
c = { required = "no" }
*/
SELECT :id, :b, :c;
