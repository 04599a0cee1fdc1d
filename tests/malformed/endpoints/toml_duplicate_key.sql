/*
get = "/a"
get = "/b"
*/
SELECT 1 AS one;
