SELECT 'json' AS component;
SELECT known.count, days.day, known.price
FROM (
  SELECT $date_from::date + step AS day
  FROM generate_series(0, least($date_to::date - $date_from::date, 3660)) AS step
) AS days
LEFT JOIN (
  SELECT
    day,
    nullif(count(price), 0) AS count,
    CASE WHEN count(price) >= 3 THEN avg(price)::double precision END AS price
  FROM prices
  WHERE orig_code = $orig_code AND dest_code = $dest_code AND day BETWEEN $date_from::date AND $date_to::date
  GROUP BY day
) AS known ON known.day = days.day
ORDER BY days.day DESC;
