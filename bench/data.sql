-- What every contender serves; `rows` is how many items there are. The numbers are made up, the same in every run.
\set ON_ERROR_STOP on
SET client_min_messages = warning;

\ir ../services/rates/migrations/0001_tables.sql
\ir ../services/rates/seed/0001_regions_and_ports.sql
\ir ../services/rates/seed/0002_prices.sql
\ir ../services/rates/migrations/0002_keys.sql
\ir ../services/rates/migrations/0003_index.sql

-- Rows of mixed types; 500 of them are an answer.
CREATE TABLE items (
  id int4 NOT NULL,
  name text NOT NULL,
  score float8 NOT NULL,
  amount numeric(12, 2) NOT NULL,
  day date NOT NULL,
  at timestamptz NOT NULL
);
INSERT INTO items
SELECT
  id,
  'item ' || id || ' "of" ' || md5(id::text),
  id * 0.37,
  (id % 100000) * 1.01,
  date '2000-01-01' + id % 9000,
  timestamptz '2020-01-01 00:00:00+00' + id * interval '61.5 seconds'
FROM generate_series(1, :rows) AS id;
ALTER TABLE items ADD PRIMARY KEY (id);

-- Where rows go in.
CREATE TABLE loaded (orig_code text NOT NULL, dest_code text NOT NULL, day date NOT NULL, price int4 NOT NULL);

-- Whom callers are, for the workload with role and claims.
CREATE ROLE bench_caller NOLOGIN;
GRANT SELECT ON ports TO bench_caller;

VACUUM (ANALYZE, FREEZE);
