-- The audit trail's inbox: entries that are written in the transaction of what they tell of.
--
-- An entry's body is text, and its bytes are what is hashed; nothing formats it again. It names its
-- writer, its number among that writer's entries and the hash of the one before, so that an entry
-- that was taken away leaves a gap, even when that happened before it was sequenced.

-- Where the schema is there already, nobody needs the right to make one.
DO $$ BEGIN
    IF to_regnamespace('howdah') IS NULL THEN CREATE SCHEMA howdah; END IF;
END $$;

CREATE TABLE howdah.audit_writer (
    writer text PRIMARY KEY CHECK (writer ~ '^[a-z][a-z0-9_.:-]{0,62}$'),
    -- The number of its latest entry.
    seq bigint NOT NULL CHECK (seq >= 0),
    -- The leaf hash of its latest entry; zeros before the first.
    head bytea NOT NULL CHECK (octet_length(head) = 32)
);

CREATE TABLE howdah.audit_inbox (
    -- Within a writer ids ascend with its numbers, for both are taken under the writer's lock.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    writer text NOT NULL,
    writer_seq bigint NOT NULL,
    writer_prev bytea NOT NULL,
    body text NOT NULL,
    UNIQUE (writer, writer_seq)
);

-- Writes an entry (a JSON object, as text) in the caller's transaction; gives its number. Entries of
-- one writer take turns until their transactions end: let it be a transaction's last statement.
CREATE FUNCTION howdah.audit_write(writer_name text, entry text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    latest howdah.audit_writer;
    body text;
BEGIN
    IF writer_name IS NULL OR entry IS NULL THEN
        RAISE EXCEPTION 'an audit entry has a writer and a body' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF octet_length(entry) > 65536 THEN
        RAISE EXCEPTION 'an audit entry holds 64 KiB at most' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF json_typeof(entry::json) <> 'object' THEN
        RAISE EXCEPTION 'an audit entry is a JSON object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT * INTO latest FROM howdah.audit_writer w WHERE w.writer = writer_name FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO howdah.audit_writer VALUES (writer_name, 0, decode(repeat('00', 32), 'hex'))
            ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT latest FROM howdah.audit_writer w WHERE w.writer = writer_name FOR UPDATE;
    END IF;
    latest.seq := latest.seq + 1;
    body := concat(
        '{"writer":', to_json(writer_name), ',"seq":', latest.seq,
        ',"prev":"', encode(latest.head, 'hex'),
        '","at":"', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        '","role":', to_json(session_user::text), ',"entry":', entry, '}');
    INSERT INTO howdah.audit_inbox (writer, writer_seq, writer_prev, body)
        VALUES (writer_name, latest.seq, latest.head, body);
    -- A leaf's hash (RFC 6962 section 2.1).
    UPDATE howdah.audit_writer w
        SET seq = latest.seq, head = sha256('\x00'::bytea || convert_to(body, 'UTF8'))
        WHERE w.writer = writer_name;
    RETURN latest.seq;
END $$;

REVOKE ALL ON TABLE howdah.audit_writer, howdah.audit_inbox FROM PUBLIC;
REVOKE ALL ON FUNCTION howdah.audit_write(text, text) FROM PUBLIC;
