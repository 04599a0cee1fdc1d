SELECT 'json' AS component;
SELECT code, name FROM ports WHERE code = $code;
