/*
get = "/a"

[parameters]
day = { typ = "date", minLength = 1, desc = "x", type = " " }
*/
SELECT :day AS day;
