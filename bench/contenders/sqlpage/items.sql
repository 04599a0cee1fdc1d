SELECT 'json' AS component;
SELECT id, name, score, amount, day, at FROM items WHERE id > $after::int4 AND id <= $after::int4 + 500 ORDER BY id;
