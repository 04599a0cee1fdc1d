/*
get = "/regions/{slug}"
summary = "One region"
tags = ["regions"]
result = "row"

[parameters]
slug = { type = "text", example = "baltic", description = "The region's slug" }
*/
SELECT slug, name, parent_slug
FROM regions
WHERE slug = :slug
ORDER BY name
LIMIT 1
