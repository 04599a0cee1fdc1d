/*
get = "/a"
result = "row_s"
*/
SELECT 1 AS one;
