-- Who leads: one keeper at a time. A keeper that takes over counts up, and every change that a
-- keeper makes holds this row for as long as its transaction lasts, so that one that has lost the
-- lead without knowing changes nothing any more.
CREATE TABLE howdah.keeper_lead (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch bigint NOT NULL CHECK (epoch >= 0),
    since timestamptz NOT NULL DEFAULT now()
);

INSERT INTO howdah.keeper_lead (epoch) VALUES (0);
