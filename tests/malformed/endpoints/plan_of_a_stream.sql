/*
get = "/a"
stream = true
plan = "generic"
*/
SELECT 1 AS one