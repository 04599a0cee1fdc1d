/*
get = "/plain"
result = "value"
auth = { scopes = ["plain"] }
*/
SELECT 1 AS one
