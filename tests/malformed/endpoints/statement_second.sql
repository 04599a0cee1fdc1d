/*
post = "/a"
*/
INSERT INTO a VALUES (1); -- and
INSERT INTO b VALUES (2);
