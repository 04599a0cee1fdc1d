/*
get = "/a"
*/
SELECT 1 /* outer /* inner */ AS one
