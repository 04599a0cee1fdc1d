-- What a policy is about: a temporary login, or a rotation. A request for a rotation is used up by the
-- rotation that begins on it, and never gives a login.

ALTER TABLE howdah.access_policy ADD COLUMN action text NOT NULL DEFAULT 'login'
    CHECK (action IN ('login', 'rotation'));

ALTER TABLE howdah.access_request DROP CONSTRAINT access_request_state_check;
ALTER TABLE howdah.access_request ADD CONSTRAINT access_request_state_check
    CHECK (state IN ('pending', 'approved', 'denied', 'withdrawn', 'lapsed', 'used'));
DROP TRIGGER access_request_step ON howdah.access_request;
CREATE TRIGGER access_request_step BEFORE UPDATE OR DELETE ON howdah.access_request
    FOR EACH ROW EXECUTE FUNCTION howdah.access_step('pending>approved', 'pending>denied',
    'pending>withdrawn', 'pending>lapsed', 'approved>withdrawn', 'approved>lapsed', 'approved>pending',
    'approved>used');

-- What the request is about.
CREATE FUNCTION howdah.access_action(of_request uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.action FROM howdah.access_request r
    JOIN howdah.access_policy p ON (p.id, p.version) = (r.policy, r.policy_version) WHERE r.id = of_request
$$;

-- No other request gives a login, whoever asks.
CREATE FUNCTION howdah.access_grant_is_login() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF howdah.access_action(NEW.request) IS DISTINCT FROM 'login' THEN
        RAISE EXCEPTION 'the request is not for a login' USING ERRCODE = 'HWA03';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER access_grant_is_login BEFORE INSERT ON howdah.access_grant
    FOR EACH ROW EXECUTE FUNCTION howdah.access_grant_is_login();

-- Whether a request is used that must not be: only one that enough people approved, and only once.
CREATE FUNCTION howdah.access_request_used() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule howdah.access_policy;
BEGIN
    SELECT * INTO STRICT rule FROM howdah.access_policy p
        WHERE (p.id, p.version) = (NEW.policy, NEW.policy_version);
    IF rule.action <> 'rotation' OR OLD.state <> 'approved' OR (CASE WHEN NEW.break_glass
        THEN rule.break_glass_ttl IS NULL OR NEW.ttl > rule.break_glass_ttl
        ELSE NEW.ttl > rule.max_ttl OR howdah.access_approvals(NEW.id) < rule.approvals END) THEN
        RAISE EXCEPTION 'the request is not approved' USING ERRCODE = 'HWA03';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER access_request_used BEFORE UPDATE ON howdah.access_request
    FOR EACH ROW WHEN (NEW.state = 'used') EXECUTE FUNCTION howdah.access_request_used();

ALTER FUNCTION howdah.access_activate(bigint, uuid, text) RENAME TO access_activate_login;
CREATE FUNCTION howdah.access_activate(actor bigint, of_request uuid, verifier text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF howdah.access_action(of_request) = 'rotation' THEN
        RETURN howdah.access_refuse('grant.activating', actor, of_request::text, 'wrong-action');
    END IF;
    RETURN howdah.access_activate_login(actor, of_request, verifier);
END $$;

-- Uses up an approved request, in the transaction that begins the rotation: {"request"} or a refusal.
-- The keeper tells the trail of a refusal, for this transaction is not committed then.
CREATE FUNCTION howdah.access_use(actor bigint, of_request uuid, of_policy text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked howdah.access_request := howdah.access_open(of_request);
    rule howdah.access_policy;
    who howdah.access_principal;
    approved_at timestamptz;
    refusal text;
BEGIN
    SELECT * INTO rule FROM howdah.access_policy p WHERE p.id = asked.policy AND p.is_current;
    SELECT * INTO who FROM howdah.access_principal p WHERE p.id = actor;
    SELECT coalesce(max(d.decided_at), asked.made_at) INTO approved_at FROM howdah.access_decision d
        WHERE d.request = of_request AND d.verdict = 'approve' AND NOT d.is_void;
    refusal := CASE
        WHEN asked.id IS NULL THEN 'request-unknown'
        WHEN asked.requester <> actor THEN 'not-yours'
        WHEN asked.policy <> of_policy OR howdah.access_action(of_request) <> 'rotation' THEN 'wrong-action'
        WHEN asked.state = 'lapsed' THEN 'request-lapsed'
        WHEN asked.state = 'pending' THEN 'not-approved'
        WHEN asked.state <> 'approved' THEN 'wrong-state'
        WHEN rule.version IS DISTINCT FROM asked.policy_version THEN 'policy-changed'
        WHEN who.disabled_at IS NOT NULL
            OR (cardinality(rule.requesters) > 0 AND NOT who.groups && rule.requesters) THEN 'not-eligible'
        WHEN NOT asked.break_glass AND howdah.access_approvals(of_request) < rule.approvals
            THEN 'approver-not-eligible'
        WHEN clock_timestamp() > approved_at + asked.ttl THEN 'request-lapsed' END;
    IF refusal IS NOT NULL THEN
        RETURN jsonb_build_object('refusal', refusal);
    END IF;
    UPDATE howdah.access_request r SET state = 'used' WHERE r.id = of_request;
    PERFORM howdah.access_tell('request.used', actor, of_request::text, 'done', '{}');
    RETURN jsonb_build_object('request', of_request);
END $$;

-- The role that serves requests makes logins by the new function alone.
DO $$ DECLARE
    role text := (SELECT name FROM howdah.access_role);
BEGIN
    REVOKE ALL ON FUNCTION howdah.access_action(uuid), howdah.access_activate(bigint, uuid, text),
        howdah.access_use(bigint, uuid, text), howdah.access_grant_is_login(), howdah.access_request_used()
        FROM PUBLIC;
    IF to_regrole(role) IS NOT NULL THEN
        EXECUTE format('REVOKE ALL ON FUNCTION howdah.access_activate_login(bigint, uuid, text) FROM %I', role);
        EXECUTE format('GRANT EXECUTE ON FUNCTION howdah.access_activate(bigint, uuid, text) TO %I', role);
    END IF;
END $$;
