/*
get = "/ports/{code}.json"
*/
SELECT :code::text AS code;
