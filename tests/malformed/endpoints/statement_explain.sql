/*
get = "/a"
*/
EXPLAIN SELECT 1
