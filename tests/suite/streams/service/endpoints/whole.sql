/*
get = "/whole"
stream = false
max_rows = 100000
*/
SELECT i AS number FROM generate_series(1, 100000) AS i
