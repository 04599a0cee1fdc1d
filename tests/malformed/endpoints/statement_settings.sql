/*
post = "/a"
*/
SET search_path = other
