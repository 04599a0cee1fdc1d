/*
get = "/ports"
summary = "Ports by code, a page at a time"
description = "The next page begins after the last code of this one: give it as `after`."
tags = ["ports"]
result = "rows"
envelope = "ports"
max_rows = 1000

[parameters]
name = { type = "text", required = false, max_length = 100, example = "tall", description = "Part of the name, in any case" }
region = { type = "text", required = false, max_length = 100, example = "baltic_main", description = "The region's slug" }
after = { type = "text", required = false, max_length = 100, example = "CNGGZ", description = "The code after which the page begins" }
limit = { type = "int4", default = 100, minimum = 1, maximum = 1000, description = "The most ports on the page" }
*/
-- A dump without keys may have a code twice; a page that ends between the two would lose one.
SELECT DISTINCT ON (code) code, name, parent_slug
FROM ports
WHERE
  code > coalesce(:after, '')
  AND (:name IS NULL OR strpos(lower(name), lower(:name)) > 0)
  AND (:region IS NULL OR parent_slug = :region)
ORDER BY code, name
LIMIT :limit
