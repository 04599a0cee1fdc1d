/*
get = "rates"
*/
SELECT 1 AS one;
