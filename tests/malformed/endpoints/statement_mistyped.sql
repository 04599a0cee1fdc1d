/*
get = "/a"
*/
SELCT 1 AS one
