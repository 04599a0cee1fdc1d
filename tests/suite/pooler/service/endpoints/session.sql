/*
get = "/session"
result = "row"
[parameters]
caller = { type = "integer" }
*/
SELECT :caller::int AS caller, pg_backend_pid() AS pid, current_setting('statement_timeout') AS timeout,
    current_setting('transaction_read_only') AS read_only, current_setting('TimeZone') AS zone,
    (SELECT count(*) FROM pg_prepared_statements) AS prepared
