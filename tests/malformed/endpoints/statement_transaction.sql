/*
post = "/a"
*/
BEGIN; INSERT INTO a VALUES (1); COMMIT;
