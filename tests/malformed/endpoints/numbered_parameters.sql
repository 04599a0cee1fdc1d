/*
get = "/a"
*/
SELECT * FROM a WHERE b = $1 AND c = $2
