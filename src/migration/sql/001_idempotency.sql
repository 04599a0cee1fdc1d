-- The first answers to writes with an Idempotency-Key. The role that serves reads and writes it; key
-- and request are digests.
CREATE TABLE howdah.idempotency (
    key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    request bytea NOT NULL,
    status integer NOT NULL,
    media_type text NOT NULL,
    rows bigint NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_created_at ON howdah.idempotency (created_at);
REVOKE ALL ON TABLE howdah.idempotency FROM PUBLIC;
