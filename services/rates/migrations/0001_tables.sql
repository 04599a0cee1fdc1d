-- The tables, where the database does not have them from a dump.

CREATE TABLE IF NOT EXISTS regions (
  slug text NOT NULL,
  name text NOT NULL,
  parent_slug text
);

CREATE TABLE IF NOT EXISTS ports (
  code text NOT NULL,
  name text NOT NULL,
  parent_slug text NOT NULL
);

CREATE TABLE IF NOT EXISTS prices (
  orig_code text NOT NULL,
  dest_code text NOT NULL,
  day date NOT NULL,
  price integer NOT NULL
);
