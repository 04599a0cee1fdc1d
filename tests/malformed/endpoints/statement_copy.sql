/*
get = "/a"
*/
COPY prices TO STDOUT
