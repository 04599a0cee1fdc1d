/*
post = "/prices"
copy = "public.prices (day, Price, \"the price\", price)"
*/
