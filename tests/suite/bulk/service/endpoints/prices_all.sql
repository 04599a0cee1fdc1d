/*
get = "/prices"
max_rows = 1000000
*/
SELECT orig, dest, day, price FROM prices ORDER BY price
