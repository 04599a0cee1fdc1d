/*
patch = "/prices/{day}"
copy = "prices (price) TO STDOUT"
conflict = ["day", "day"]
max_rows = 0
max_bytes = 0
*/
