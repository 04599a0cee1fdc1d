/*
get = "/a"

[parameters]
limit = { type = "integer", default = 20 }
*/
SELECT ':limit' AS "not :limit" -- nor :limit
