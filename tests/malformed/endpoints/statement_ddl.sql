/*
post = "/a"
*/
DROP TABLE a
