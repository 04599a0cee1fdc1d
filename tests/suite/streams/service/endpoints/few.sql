/*
get = "/few"
max_rows = 20000
*/
SELECT i AS number, 'a "quoted", text' AS line FROM generate_series(1, 30000) AS i
