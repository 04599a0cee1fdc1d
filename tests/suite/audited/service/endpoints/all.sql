/*
get = "/patients"
audit = true
max_rows = 20000
*/
SELECT id, name FROM patients ORDER BY id
