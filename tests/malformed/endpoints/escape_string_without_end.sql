/*
get = "/a"
*/
SELECT E'a\' AS a
