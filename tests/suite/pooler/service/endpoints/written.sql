/*
post = "/written"
result = "row"
[parameters]
text = {}
*/
INSERT INTO notes (text) VALUES (:text)
RETURNING text, current_setting('statement_timeout') AS timeout, current_setting('transaction_read_only') AS read_only
