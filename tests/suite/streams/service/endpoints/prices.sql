/*
get = "/prices"
summary = "Every price"
max_rows = 10000000
envelope = "prices"
*/
SELECT id, day, orig_code, dest_code, price, amount, note, at FROM prices ORDER BY id
