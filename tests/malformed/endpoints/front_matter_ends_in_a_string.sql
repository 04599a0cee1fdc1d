/*
get = "/a"
description = "matches */ in a string"
*/
SELECT 1 AS one;
