/*
get = "/a"

[parameters]
day = "date"
*/
SELECT :day AS day;
