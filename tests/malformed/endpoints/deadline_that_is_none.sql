/*
get = "/a"
deadline = "soon"
*/
SELECT 1 AS one