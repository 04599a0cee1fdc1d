/*
get = "/a"
summary = "ÿ"
*/
SELECT 1 AS one
