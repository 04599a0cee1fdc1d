/*
get = "/a"

[parameters]
a = { pattern = '(?=x)y' }
b = { pattern = '(x)\1' }
c = { pattern = '[a-z' }
d = { pattern = 'a)|(b' }
e = { pattern = '\w{2000}' }
*/
SELECT :a, :b, :c, :d, :e;
