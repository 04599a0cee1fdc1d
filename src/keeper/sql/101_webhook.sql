-- How far the trail was told to the webhook's receiver. One row, from the first time that there is one.
CREATE TABLE howdah.webhook (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- The leaf that is looked at next.
    next_leaf bigint NOT NULL CHECK (next_leaf >= 0),
    -- Since when it is tried to tell that leaf; null before the first attempt.
    since timestamptz
);

REVOKE ALL ON TABLE howdah.webhook FROM PUBLIC;
