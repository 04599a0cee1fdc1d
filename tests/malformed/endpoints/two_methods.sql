/*
get = "/a"
post = "/a"
*/
SELECT 1 AS one;
