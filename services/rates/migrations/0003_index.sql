-- The index that serves `/rates`: it finds a route's days in order and holds their prices, so that
-- the table itself is not read. A dump may have one that begins with the same columns.
DO $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_index AS i
    WHERE i.indrelid = 'prices'::regclass AND i.indisvalid AND i.indpred IS NULL AND (
      SELECT array_agg(a.attname::text ORDER BY k.at)
      FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, at)
      JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
      WHERE k.at <= 3
    ) = ARRAY['orig_code', 'dest_code', 'day']
  ) THEN
    CREATE INDEX prices_route_day ON prices (orig_code, dest_code, day) INCLUDE (price);
  END IF;
END
$$;

ANALYZE regions, ports, prices;
