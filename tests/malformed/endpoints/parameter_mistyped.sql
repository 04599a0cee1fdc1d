/*
get = "/rates"

[parameters]
date_from = { type = "date" }
date_to = { type = "date" }
*/
SELECT day FROM days WHERE day BETWEEN :date_form AND :date_to;
