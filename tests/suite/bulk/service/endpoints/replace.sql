/*
put = "/ports"
copy = "ports (name, code)"
on_conflict = "replace"
*/
