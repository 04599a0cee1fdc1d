-- Access requests: who asks for what, who decided, and the temporary logins that came of it.
--
-- What must never happen is refused here, whoever asks: states follow each other as they may, a
-- decision is one per person and stands for the request as it was read, and no grant is made that is
-- not approved.

CREATE TABLE howdah.access_principal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- `local`, or the issuer of an OpenID Connect token.
    issuer text NOT NULL,
    subject text NOT NULL CHECK (subject <> '' AND length(subject) <= 255),
    groups text[] NOT NULL DEFAULT '{}',
    disabled_at timestamptz,
    -- The emergency access that two people must look at before this one asks again.
    review uuid,
    UNIQUE (issuer, subject)
);

CREATE TABLE howdah.access_token (
    -- The SHA-256 of a token of 256 random bits, which needs no slow hash.
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    principal bigint NOT NULL REFERENCES howdah.access_principal,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE TABLE howdah.access_policy (
    id text NOT NULL CHECK (id ~ '^[a-z][a-z0-9-]{0,62}$'),
    version integer NOT NULL CHECK (version > 0),
    profile text NOT NULL CHECK (profile ~ '^[^$"]{1,63}$'),
    approvals integer NOT NULL CHECK (approvals BETWEEN 1 AND 20),
    approvers text[] NOT NULL CHECK (cardinality(approvers) > 0),
    -- Who may ask; nobody named means everybody who is known.
    requesters text[] NOT NULL,
    max_ttl interval NOT NULL CHECK (max_ttl > interval '0'),
    max_pending integer NOT NULL CHECK (max_pending > 0),
    lapse_after interval NOT NULL CHECK (lapse_after > interval '0'),
    -- How long emergency access may last; null where there is none.
    break_glass_ttl interval CHECK (break_glass_ttl > interval '0' AND break_glass_ttl <= max_ttl),
    is_current boolean NOT NULL,
    PRIMARY KEY (id, version)
);
CREATE UNIQUE INDEX access_policy_current ON howdah.access_policy (id) WHERE is_current;

CREATE TABLE howdah.access_request (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    requester bigint NOT NULL REFERENCES howdah.access_principal,
    policy text NOT NULL,
    policy_version integer NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    ttl interval NOT NULL CHECK (ttl > interval '0'),
    break_glass boolean NOT NULL,
    -- Where the secret is sealed to an age recipient.
    age_recipient text CHECK (age_recipient ~ '^age1[a-z0-9]{10,100}$'),
    -- Of all that is decided on; a decision names it.
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    state text NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'withdrawn', 'lapsed')),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lapses_at timestamptz NOT NULL,
    FOREIGN KEY (policy, policy_version) REFERENCES howdah.access_policy
);
CREATE INDEX access_request_open ON howdah.access_request (requester) WHERE state IN ('pending', 'approved');
CREATE INDEX access_request_order ON howdah.access_request (made_at, id);
ALTER TABLE howdah.access_principal ADD FOREIGN KEY (review) REFERENCES howdah.access_request;

CREATE TABLE howdah.access_decision (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request uuid NOT NULL REFERENCES howdah.access_request,
    approver bigint NOT NULL REFERENCES howdah.access_principal,
    verdict text NOT NULL CHECK (verdict IN ('approve', 'deny', 'review')),
    digest bytea NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- It was of the request before an edit.
    is_void boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX access_decision_once
    ON howdah.access_decision (request, approver, (verdict = 'review')) WHERE NOT is_void;

CREATE TABLE howdah.access_grant (
    request uuid PRIMARY KEY REFERENCES howdah.access_request,
    login text NOT NULL UNIQUE CHECK (login ~ '^howdah_[0-9a-f]{12}$'),
    login_oid oid NOT NULL,
    profile text NOT NULL,
    not_after timestamptz NOT NULL,
    state text NOT NULL CHECK
        (state IN ('activating', 'active', 'expired', 'revoked', 'cleaning', 'closed')),
    ended_at timestamptz
);
CREATE INDEX access_grant_open ON howdah.access_grant (not_after) WHERE state <> 'closed';

-- How many people have approved the request as it stands: distinct, not its requester, and still
-- eligible now.
CREATE FUNCTION howdah.access_approvals(of_request uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(DISTINCT d.approver)
    FROM howdah.access_decision d
    JOIN howdah.access_request r ON r.id = d.request
    JOIN howdah.access_policy p ON (p.id, p.version) = (r.policy, r.policy_version)
    JOIN howdah.access_principal a ON a.id = d.approver
    WHERE r.id = of_request AND NOT d.is_void AND d.verdict = 'approve' AND d.digest = r.digest
        AND d.approver <> r.requester AND a.disabled_at IS NULL AND a.groups && p.approvers
$$;

-- A request and a grant move only as they may, and keep what was decided on.
CREATE FUNCTION howdah.access_step() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'what was requested and granted is kept' USING ERRCODE = 'HWA02';
    ELSIF OLD.state <> NEW.state AND NOT (OLD.state || '>' || NEW.state) = ANY (TG_ARGV) THEN
        RAISE EXCEPTION 'a state % does not follow %', NEW.state, OLD.state USING ERRCODE = 'HWA02';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER access_request_step BEFORE UPDATE OR DELETE ON howdah.access_request
    FOR EACH ROW EXECUTE FUNCTION howdah.access_step('pending>approved', 'pending>denied',
    'pending>withdrawn', 'pending>lapsed', 'approved>withdrawn', 'approved>lapsed', 'approved>pending');
CREATE TRIGGER access_grant_step BEFORE UPDATE OR DELETE ON howdah.access_grant
    FOR EACH ROW EXECUTE FUNCTION howdah.access_step('activating>active', 'active>expired',
    'active>revoked', 'expired>cleaning', 'revoked>cleaning', 'cleaning>closed');

-- A grant begins in one state only, and only where its request is approved: by enough people, or as
-- an emergency that its policy allows.
CREATE FUNCTION howdah.access_grant_begins() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked howdah.access_request;
    rule howdah.access_policy;
BEGIN
    SELECT * INTO STRICT asked FROM howdah.access_request r WHERE r.id = NEW.request;
    SELECT * INTO STRICT rule FROM howdah.access_policy p
        WHERE (p.id, p.version) = (asked.policy, asked.policy_version);
    IF NEW.state <> 'activating' OR asked.state <> 'approved' OR NEW.profile <> rule.profile
        OR NEW.not_after > clock_timestamp() + asked.ttl
        OR (CASE WHEN asked.break_glass THEN rule.break_glass_ttl IS NULL OR asked.ttl > rule.break_glass_ttl
            ELSE asked.ttl > rule.max_ttl OR howdah.access_approvals(asked.id) < rule.approvals END)
    THEN
        RAISE EXCEPTION 'the request is not approved' USING ERRCODE = 'HWA03';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER access_grant_begins BEFORE INSERT ON howdah.access_grant
    FOR EACH ROW EXECUTE FUNCTION howdah.access_grant_begins();

-- The name of the role that serves requests, once there is one (access_prepare).
CREATE TABLE howdah.access_role (name text NOT NULL);
REVOKE ALL ON FUNCTION howdah.access_approvals(uuid) FROM PUBLIC;
