/*
post = "/patients"
result = "row"
audit = true
idempotent = true

[parameters]
name = {}
*/
INSERT INTO patients (name) VALUES (:name) RETURNING id, name
