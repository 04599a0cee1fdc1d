/*
get = "/long"
page = { by = ["text"], size = 1, unique = true }
*/
SELECT repeat('x', 3000) || i AS text FROM generate_series(1, 3) AS i
