/*
get = "/a"
*/
SELECT :who AS who, :who || 'x' AS again;
