/*
post = "/lists"
copy = "lists (id, tags, span)"
*/
