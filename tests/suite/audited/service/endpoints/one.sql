/*
get = "/patients/{id}"
result = "row"
audit = true
auth = { scopes = ["patients:read"] }

[parameters]
id = { type = "int8" }
*/
SELECT id, name FROM patients WHERE id = :id
