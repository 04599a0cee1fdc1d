/*
get = "/a"
result = "none"
envelope = "a"
*/
SELECT 1 AS one;
