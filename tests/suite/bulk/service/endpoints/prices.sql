/*
post = "/prices"
copy = "prices (orig, dest, day, price)"
*/
