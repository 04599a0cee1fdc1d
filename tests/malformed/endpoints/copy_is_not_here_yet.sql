/*
post = "/prices"
copy = "prices (day, price)"
*/
