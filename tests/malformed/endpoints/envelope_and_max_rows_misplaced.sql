/*
delete = "/a/{id}"
result = "none"
envelope = "gone"
max_rows = 10
*/
DELETE FROM a WHERE id = :id;
