-- Sample data for `howdah up`, put in once.
INSERT INTO notes (body) VALUES
  ('Elephants remember.'),
  ('A howdah is the seat on an elephant''s back.'),
  ('Every endpoint is one SQL statement.');
