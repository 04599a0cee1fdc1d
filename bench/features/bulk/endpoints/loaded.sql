/*
post = "/loaded"
copy = "loaded (orig_code, dest_code, day, price)"
*/
