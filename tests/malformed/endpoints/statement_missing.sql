/*
get = "/a"
*/
-- to be written
;
