-- The audit trail itself: entries in their one order, and what was signed of them.
--
-- What protects it is outside: checkpoints over the leaves, signed with a key that the database does
-- not have. No rule here keeps a superuser from changing a leaf; it is found out.

CREATE TABLE howdah.audit_leaf (
    leaf bigint PRIMARY KEY CHECK (leaf >= 0),
    writer text NOT NULL,
    writer_seq bigint NOT NULL,
    writer_prev bytea NOT NULL,
    hash bytea NOT NULL,
    body text NOT NULL
);

-- One row: how long the trail is, and which sequencer may lengthen it. A sequencer that was
-- superseded has an older epoch and is turned away.
CREATE TABLE howdah.audit_sequencer (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    epoch bigint NOT NULL DEFAULT 0,
    size bigint NOT NULL DEFAULT 0 CHECK (size >= 0)
);
INSERT INTO howdah.audit_sequencer DEFAULT VALUES;

-- What was signed, with the witness's signature where it gave one.
CREATE TABLE howdah.audit_checkpoint (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    size bigint NOT NULL,
    note text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Makes the caller the one sequencer; gives its epoch.
CREATE FUNCTION howdah.audit_take_over() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE howdah.audit_sequencer SET epoch = epoch + 1 RETURNING epoch
$$;

-- Moves up to `most` entries from the inbox to the trail and gives them, in no order.
CREATE FUNCTION howdah.audit_sequence(of_epoch bigint, most integer)
RETURNS TABLE (new_leaf bigint, new_body text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    state howdah.audit_sequencer;
    moved bigint;
BEGIN
    SELECT * INTO STRICT state FROM howdah.audit_sequencer FOR UPDATE;
    IF state.epoch <> of_epoch THEN
        RAISE EXCEPTION 'another sequencer has taken over' USING ERRCODE = 'HWA01';
    END IF;
    RETURN QUERY
        WITH taken AS (
            DELETE FROM howdah.audit_inbox i
            WHERE i.id IN (SELECT w.id FROM howdah.audit_inbox w ORDER BY w.id LIMIT most)
            RETURNING i.*
        )
        INSERT INTO howdah.audit_leaf AS l (leaf, writer, writer_seq, writer_prev, hash, body)
        SELECT state.size + row_number() OVER (ORDER BY t.id) - 1, t.writer, t.writer_seq,
            t.writer_prev, sha256('\x00'::bytea || convert_to(t.body, 'UTF8')), t.body
        FROM taken t
        RETURNING l.leaf, l.body;
    GET DIAGNOSTICS moved = ROW_COUNT;
    UPDATE howdah.audit_sequencer s SET size = s.size + moved;
END $$;

REVOKE ALL ON TABLE howdah.audit_leaf, howdah.audit_sequencer, howdah.audit_checkpoint FROM PUBLIC;
REVOKE ALL ON FUNCTION howdah.audit_take_over() FROM PUBLIC;
REVOKE ALL ON FUNCTION howdah.audit_sequence(bigint, integer) FROM PUBLIC;
