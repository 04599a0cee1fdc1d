/*
get = "/regions"
summary = "Regions by slug, a page at a time"
description = "The next page begins after the last slug of this one: give it as `after`."
tags = ["regions"]
result = "rows"
envelope = "regions"
max_rows = 1000

[parameters]
name = { type = "text", required = false, max_length = 100, example = "europe", description = "Part of the name, in any case" }
parent = { type = "text", required = false, max_length = 100, example = "northern_europe", description = "The slug of the region around it" }
after = { type = "text", required = false, max_length = 100, example = "baltic", description = "The slug after which the page begins" }
limit = { type = "int4", default = 100, minimum = 1, maximum = 1000, description = "The most regions on the page" }
*/
SELECT DISTINCT ON (slug) slug, name, parent_slug
FROM regions
WHERE
  slug > coalesce(:after, '')
  AND (:name IS NULL OR strpos(lower(name), lower(:name)) > 0)
  AND (:parent IS NULL OR parent_slug = :parent)
ORDER BY slug, name
LIMIT :limit
