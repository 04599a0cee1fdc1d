/*
get = "/a"

[parameters]
t = {}
*/
SELECT :'t', :{?t} FROM :"t" \gexec
