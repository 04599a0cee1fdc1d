SELECT id, name, score, amount, day, at FROM items WHERE id > $1 AND id <= $1 + 500 ORDER BY id
