/*
post = "/notes"
auth = { scopes = ["notes:write"] }
result = "row"

[parameters]
text = { max_length = 100 }
tenant = { from = "claim:tenant" }
*/
INSERT INTO notes (tenant, text) VALUES (:tenant, :text) RETURNING tenant, text
