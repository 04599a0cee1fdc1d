-- Where the rotation of a credential stands. One row for each credential; `howdah keeper` writes it in
-- the transaction that changes the role, and nobody else does.
CREATE TABLE howdah.rotation (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,30}$'),
    phase text NOT NULL CHECK (phase IN
        ('idle', 'applied', 'verified', 'published', 'adopted', 'overlap', 'retired')),
    -- The highest generation that was ever begun.
    highest bigint NOT NULL CHECK (highest >= 0),
    -- The credential that is, or is about to be, the published one.
    generation bigint NOT NULL CHECK (generation BETWEEN 0 AND highest),
    login text NOT NULL,
    -- Its password, sealed. Null while it is the one that the keeper has not made.
    sealed bytea,
    -- The credential before it, until its login is retired and its sessions are gone.
    old_generation bigint CHECK (old_generation >= 0),
    old_login text CHECK (old_login <> login),
    old_sealed bytea,
    -- Whether it is on its way back to the password before.
    returns boolean NOT NULL DEFAULT false CHECK (NOT returns OR old_login IS NOT NULL),
    -- Since when it is in this phase, and when the phase ends by itself.
    since timestamptz NOT NULL DEFAULT now(),
    deadline timestamptz,
    -- When the generation was made, and when the next one is due.
    issued_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz,
    -- Why it does not get on, or why the last rotation was given up.
    reason text,
    CHECK ((phase = 'idle') = (old_login IS NULL)),
    CHECK ((old_login IS NULL) = (old_generation IS NULL)),
    CHECK (phase <> 'idle' OR old_sealed IS NULL)
);

CREATE FUNCTION howdah.rotation_goes_forward() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.highest < OLD.highest THEN
        RAISE EXCEPTION 'a generation never decreases' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER goes_forward BEFORE UPDATE ON howdah.rotation
    FOR EACH ROW EXECUTE FUNCTION howdah.rotation_goes_forward();

-- Each transition that was made, for whoever watches one.
CREATE TABLE howdah.rotation_step (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    generation bigint NOT NULL,
    step text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX rotation_step_of ON howdah.rotation_step (name, generation);

REVOKE ALL ON TABLE howdah.rotation, howdah.rotation_step FROM PUBLIC;
