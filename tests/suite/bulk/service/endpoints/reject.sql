/*
post = "/ports"
copy = "ports (code, name)"
*/
