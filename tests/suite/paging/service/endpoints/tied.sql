/*
get = "/tied"
page = { by = ["day"], size = 2 }
*/
SELECT day, code FROM days
