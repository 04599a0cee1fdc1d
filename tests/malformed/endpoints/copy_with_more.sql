/*
get = "/prices/{code}"
copy = 'prices (day, "no end)'
result = "rows"
envelope = "prices"
on_conflict = "replce"
conflict = []

[parameters]
code = { type = "text" }
*/
