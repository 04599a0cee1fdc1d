/*
post = "/a"
copy = "things (name)"
deadline = "2s"
*/
