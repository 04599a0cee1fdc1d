/*
get = "/a"
plan = "genric"
*/
SELECT 1 AS one