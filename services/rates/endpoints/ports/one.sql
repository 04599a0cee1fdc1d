/*
get = "/ports/{code}"
summary = "One port"
tags = ["ports"]
result = "row"

[parameters]
code = { type = "text", example = "EETLL", description = "The port's code, UN/LOCODE" }
*/
SELECT code, name, parent_slug
FROM ports
WHERE code = :code
ORDER BY name
LIMIT 1
