/*
get = "/a"

[parameters]
n = {}
*/
SELECT x:n, 1:n, "x":n, :n:n, :n$, :naïve, l[f(1:n)] FROM a
