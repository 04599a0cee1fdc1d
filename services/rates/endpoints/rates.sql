/*
get = "/rates"
summary = "Average price per day on a route"
description = """
One entry for every day of the range, newest first. `price` is the mean of the day's prices, null \
when there are fewer than 3; `count` is how many there are, null when there is none. A range that \
ends before it begins has no days."""
tags = ["rates"]
result = "rows"
envelope = "rates"
max_rows = 3660
plan = "generic"

[parameters]
date_from = { type = "date", example = "2021-01-01", description = "The first day" }
date_to = { type = "date", example = "2021-01-31", description = "The last day" }
orig_code = { type = "text", pattern = "[A-Z]{2}[A-Z2-9]{3}", example = "CNGGZ", description = "The port of origin, UN/LOCODE" }
dest_code = { type = "text", pattern = "[A-Z]{2}[A-Z2-9]{3}", example = "EETLL", description = "The port of destination, UN/LOCODE" }
*/
SELECT known.count, days.day, known.price
FROM (
  -- A day more than `max_rows` is enough to refuse a longer range, whatever its length.
  SELECT :date_from + step AS day
  FROM generate_series(0, least(:date_to - :date_from, 3660)) AS step
) AS days
LEFT JOIN (
  SELECT
    day,
    nullif(count(price), 0) AS count,
    CASE WHEN count(price) >= 3 THEN avg(price)::double precision END AS price
  FROM prices
  WHERE orig_code = :orig_code AND dest_code = :dest_code AND day BETWEEN :date_from AND :date_to
  GROUP BY day
) AS known ON known.day = days.day
ORDER BY days.day DESC
