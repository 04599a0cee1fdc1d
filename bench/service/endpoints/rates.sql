/*
get = "/rates"
result = "rows"
envelope = "rates"
max_rows = 3660
plan = "generic"

[parameters]
date_from = { type = "date" }
date_to = { type = "date" }
orig_code = { type = "text", pattern = "[A-Z]{2}[A-Z2-9]{3}" }
dest_code = { type = "text", pattern = "[A-Z]{2}[A-Z2-9]{3}" }
*/
SELECT known.count, days.day, known.price
FROM (
  SELECT :date_from + step AS day FROM generate_series(0, least(:date_to - :date_from, 3660)) AS step
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
