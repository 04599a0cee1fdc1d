/*
get = "/amount_down"
page = { by = ["-amount", "-id"], size = 7, max_size = 1000 }
*/
SELECT id, name, folded, amount, at, grade, level, ratio, mood, flag, amount * 2 AS twice FROM items
