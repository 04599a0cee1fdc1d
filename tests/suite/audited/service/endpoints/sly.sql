/*
get = "/sly"
result = "value"
audit = true
*/
SELECT sly()
