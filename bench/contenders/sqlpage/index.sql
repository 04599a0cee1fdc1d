SELECT 'json' AS component, '{"message":"Hello world!"}' AS contents;
