/*
put = "/prices"
copy = "prices"
max_bytes = "many"
*/
