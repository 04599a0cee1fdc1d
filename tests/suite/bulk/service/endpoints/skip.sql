/*
post = "/ports/new"
copy = "ports (code, name)"
on_conflict = "skip"
*/
