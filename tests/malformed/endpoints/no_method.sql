/*
summary = "nobody can call this"

[parameters]
a = { minimum = 2, maximum = 1 }
*/
SELECT :a::int AS a;
