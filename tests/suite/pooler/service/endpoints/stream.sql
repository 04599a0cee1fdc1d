/*
get = "/stream"
stream = true
max_rows = 1000000
lane = "patient"
*/
SELECT i, current_setting('statement_timeout') AS timeout, current_setting('transaction_read_only') AS read_only
FROM generate_series(1, 20000) AS i
