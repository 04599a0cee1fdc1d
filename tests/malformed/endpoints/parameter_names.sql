/*
get = "/a"

[parameters]
date-from = {}
"" = {}
1st = {}
"naïve" = {}
*/
SELECT 1 AS one;
