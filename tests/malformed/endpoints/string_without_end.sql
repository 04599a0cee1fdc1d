/*
get = "/a"

[parameters]
name = {}
*/
SELECT id FROM a WHERE name = 'it''s || :name
