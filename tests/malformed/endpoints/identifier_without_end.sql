/*
get = "/a"
*/
SELECT "name FROM a
