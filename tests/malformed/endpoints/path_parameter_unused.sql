/*
get = "/ports/{code}"
*/
SELECT code, name FROM ports;
