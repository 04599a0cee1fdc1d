/*
get = "/a
summary : "no equals sign"
*/
SELECT 1 AS one;
