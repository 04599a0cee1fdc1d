/*
get = "/a"
*/
SELECT $body$ text $Body$ AS a
