/*
get = "/quick"
result = "row"
lane = "patient"
*/
SELECT pg_backend_pid() AS pid
