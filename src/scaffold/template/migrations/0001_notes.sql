-- A migration runs once, in one transaction. Change it no more when it was applied: write 0002_….sql.
CREATE TABLE notes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  body text NOT NULL CHECK (length(body) BETWEEN 1 AND 1000),
  written_at timestamptz NOT NULL DEFAULT now()
);
