/*
get = "/notes"
summary = "The caller's notes: row-level security chooses them"
*/
SELECT tenant, text FROM notes ORDER BY text
