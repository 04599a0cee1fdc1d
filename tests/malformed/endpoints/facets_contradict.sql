/*
get = "/a"

[parameters]
a = { minimum = 10, maximum = 9.5 }
b = { min_length = 3, max_length = 2 }
c = { min_length = -1 }
d = { enum = [] }
e = { enum = ["x", "x"] }
f = { minimum = "one" }
g = { minimum = nan }
*/
SELECT :a, :b, :c, :d, :e, :f, :g;
