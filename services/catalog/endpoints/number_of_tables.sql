/*
get = "/number_of_tables"
summary = "How many tables and views the service's user sees, as text"
result = "row"
*/
SELECT count(*)::text AS number_of_tables
FROM information_schema.tables
