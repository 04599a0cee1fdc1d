/*
get = "/a/{id}/b/{id}"
*/
SELECT :id::int AS id;
