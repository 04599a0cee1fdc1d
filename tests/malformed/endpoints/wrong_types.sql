/*
get = 5
summary = ["a", "b"]
tags = "one"
envelope = true
max_rows = "many"
parameters = "none"
*/
SELECT 1 AS one;
