SELECT known.count, days.day, known.price
FROM (
  SELECT $1::date + step AS day FROM generate_series(0, least($2::date - $1::date, 3660)) AS step
) AS days
LEFT JOIN (
  SELECT
    day,
    nullif(count(price), 0) AS count,
    CASE WHEN count(price) >= 3 THEN avg(price)::double precision END AS price
  FROM prices
  WHERE orig_code = $3 AND dest_code = $4 AND day BETWEEN $1 AND $2
  GROUP BY day
) AS known ON known.day = days.day
ORDER BY days.day DESC
