-- The keys, where a dump came without them.
--
-- A dump may hold rows that no key allows. Nothing in it is lost to one: a key that the rows do not
-- allow is left out with a warning, and a foreign key that old rows break binds new rows only. Of
-- rows that are the same in every column, one is kept; they say nothing that one does not. Prices
-- have no key of their own: two equal prices on a day are two prices.

-- Regions and ports.
DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN SELECT * FROM (VALUES ('regions', 'slug'), ('ports', 'code')) AS it (tab, col) LOOP
    CONTINUE WHEN EXISTS (
      SELECT FROM pg_constraint AS c
      JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attname = wanted.col
      WHERE c.conrelid = wanted.tab::regclass AND c.contype IN ('p', 'u') AND c.conkey = ARRAY[a.attnum]
    );
    BEGIN
      EXECUTE format(
        'DELETE FROM %1$I WHERE ctid = ANY (ARRAY(
          SELECT ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY it) AS nth FROM %1$I AS it) AS twin
          WHERE nth > 1))',
        wanted.tab
      );
      EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (%I)', wanted.tab, wanted.col);
    EXCEPTION WHEN unique_violation OR not_null_violation OR invalid_table_definition THEN
      RAISE WARNING 'the rows of % do not allow the primary key (%): %', wanted.tab, wanted.col, SQLERRM;
    END;
  END LOOP;
END
$$;

-- What refers to them.
DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT * FROM (VALUES
      ('regions', 'parent_slug', 'regions', 'slug'),
      ('ports', 'parent_slug', 'regions', 'slug'),
      ('prices', 'orig_code', 'ports', 'code'),
      ('prices', 'dest_code', 'ports', 'code')
    ) AS it (tab, col, to_tab, to_col)
  LOOP
    CONTINUE WHEN EXISTS (
      SELECT FROM pg_constraint AS c
      JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attname = wanted.col
      WHERE c.conrelid = wanted.tab::regclass AND c.contype = 'f' AND c.conkey = ARRAY[a.attnum]
    );
    BEGIN
      EXECUTE format(
        'ALTER TABLE %1$I ADD CONSTRAINT %2$I FOREIGN KEY (%3$I) REFERENCES %4$I (%5$I) NOT VALID',
        wanted.tab, wanted.tab || '_' || wanted.col || '_fkey', wanted.col, wanted.to_tab, wanted.to_col
      );
    EXCEPTION WHEN invalid_foreign_key THEN
      RAISE WARNING '%.% refers to %, which has no key', wanted.tab, wanted.col, wanted.to_tab;
      CONTINUE;
    END;
    BEGIN
      EXECUTE format(
        'ALTER TABLE %I VALIDATE CONSTRAINT %I', wanted.tab, wanted.tab || '_' || wanted.col || '_fkey'
      );
    EXCEPTION WHEN foreign_key_violation THEN
      RAISE WARNING 'some rows of % refer to no row of %; new ones must', wanted.tab, wanted.to_tab;
    END;
  END LOOP;
END
$$;
