/*
post = "/prices"
summary = "Prices by the thousand, all of them or none"
description = "A price names its two ports by code, its day and its amount in whole dollars."
tags = ["prices"]
copy = "prices (orig_code, dest_code, day, price)"
max_rows = 1000000
max_bytes = "256 MiB"
*/
