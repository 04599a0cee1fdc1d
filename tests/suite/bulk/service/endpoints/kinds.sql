/*
post = "/kinds"
copy = "\"Odd Schema\".\"Kinds\" (number, \"the text\", flag, amount, moment, document, kind, code)"
*/
