/*
post = "/small"
copy = "prices (orig, dest, day, price)"
max_rows = 3
max_bytes = "1 KiB"
*/
