/*
get = "/a"
sumary = "an m is missing"
colour = "green"
*/
SELECT 1 AS one;
