/*
put = "/ports/by-name"
copy = "ports (code, name)"
on_conflict = "replace"
conflict = ["name"]
*/
