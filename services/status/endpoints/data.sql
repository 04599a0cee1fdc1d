/*
get = "/data"
summary = "The database server's version, as it says it"
result = "row"
*/
SELECT version() AS version
