/*
post = "/touch/{id}"
result = "none"
*/
UPDATE prices SET note = NULL WHERE id = :id
