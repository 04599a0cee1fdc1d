/*
get = "/a"
description = "everything under /a/*"
*/
SELECT 1 AS one;
