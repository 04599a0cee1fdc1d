/*
get = "/a"
max_rows = 0
lane = "fast-lane"
envelope = ""
tags = ["", "good"]
*/
SELECT 1 AS one;
