/*
get = "/a"

[parameters]
f = { pattern = "\d+" }
*/
SELECT :f;
