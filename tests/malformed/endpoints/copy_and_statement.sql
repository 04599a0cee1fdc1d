/*
post = "/prices"
copy = "prices (day, price)"
*/
-- A note may stand here.
SELECT 1;
