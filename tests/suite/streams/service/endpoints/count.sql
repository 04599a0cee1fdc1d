/*
get = "/count"
result = "value"
envelope = "count"
*/
SELECT count(*) AS prices FROM prices
