-- What may be done with access requests. Each function tells the audit trail in its own transaction
-- what it did, or that it refused: a refusal is an answer, not an error, so that it is kept.

-- Tells the audit trail.
CREATE FUNCTION howdah.access_tell(action text, actor bigint, subject text, outcome text, detail jsonb)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    who text := coalesce((SELECT p.issuer || ':' || p.subject FROM howdah.access_principal p
        WHERE p.id = actor), 'keeper');
    entry text := json_build_object('action', action, 'actor', who, 'subject', subject,
        'outcome', outcome, 'detail', detail)::text;
BEGIN
    PERFORM howdah.audit_write('access', entry);
END $$;

CREATE FUNCTION howdah.access_refuse(action text, actor bigint, subject text, code text)
RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM howdah.access_tell(action, actor, subject, 'refused', jsonb_build_object('code', code));
    RETURN jsonb_build_object('refusal', code);
END $$;

CREATE FUNCTION howdah.access_digest(r howdah.access_request) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(json_build_array(r.id, r.requester, r.policy, r.policy_version, r.reason,
        extract(epoch FROM r.ttl), r.break_glass, r.age_recipient)::text, 'UTF8'))
$$;

-- Whether the role exists and has no power over roles or the server.
CREATE FUNCTION howdah.access_profile_refusal(profile text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN count(*) = 0 THEN 'role-unknown'
        WHEN bool_or(rolsuper OR rolcreaterole OR rolreplication OR rolbypassrls) THEN 'role-too-powerful' END
    FROM pg_roles WHERE rolname = profile
$$;

-- Who signs in: known from now on, with these groups.
CREATE FUNCTION howdah.access_enter(of_issuer text, of_subject text, in_groups text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known howdah.access_principal;
BEGIN
    SELECT * INTO known FROM howdah.access_principal p WHERE (p.issuer, p.subject) = (of_issuer, of_subject);
    IF FOUND AND known.groups = in_groups THEN
        RETURN CASE WHEN known.disabled_at IS NULL THEN known.id END;
    END IF;
    INSERT INTO howdah.access_principal AS p (issuer, subject, groups)
        VALUES (of_issuer, of_subject, in_groups)
        ON CONFLICT (issuer, subject) DO UPDATE SET groups = excluded.groups RETURNING * INTO known;
    PERFORM howdah.access_tell('principal.entered', known.id, of_issuer || ':' || of_subject, 'done',
        jsonb_build_object('groups', in_groups));
    RETURN CASE WHEN known.disabled_at IS NULL THEN known.id END;
END $$;

-- A new token, by its hash.
CREATE FUNCTION howdah.access_token_make(of_subject text, in_groups text[], of_hash bytea, lasts interval)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner bigint := howdah.access_enter('local', of_subject, in_groups);
BEGIN
    IF owner IS NOT NULL THEN
        INSERT INTO howdah.access_token (hash, principal, expires_at)
            VALUES (of_hash, owner, clock_timestamp() + lasts);
        PERFORM howdah.access_tell('token.made', NULL, 'local:' || of_subject, 'done',
            jsonb_build_object('lasts_s', extract(epoch FROM lasts)));
    END IF;
    RETURN owner;
END $$;

-- Ends every token of a principal; gives how many.
CREATE FUNCTION howdah.access_token_revoke(of_subject text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ended bigint;
BEGIN
    UPDATE howdah.access_token t SET revoked_at = clock_timestamp() FROM howdah.access_principal p
        WHERE p.id = t.principal AND (p.issuer, p.subject) = ('local', of_subject) AND revoked_at IS NULL;
    GET DIAGNOSTICS ended = ROW_COUNT;
    PERFORM howdah.access_tell('token.revoked', NULL, 'local:' || of_subject, 'done',
        jsonb_build_object('tokens', ended));
    RETURN ended;
END $$;

-- Who a token is of: {"principal", "subject", "groups"}, or a refusal.
CREATE FUNCTION howdah.access_token_use(of_hash bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    token howdah.access_token;
    owner howdah.access_principal;
BEGIN
    SELECT * INTO token FROM howdah.access_token t WHERE t.hash = of_hash;
    IF NOT FOUND THEN
        RETURN howdah.access_refuse('sign-in', NULL, 'api', 'token-invalid');
    END IF;
    SELECT * INTO STRICT owner FROM howdah.access_principal p WHERE p.id = token.principal;
    IF token.revoked_at IS NOT NULL OR token.expires_at <= clock_timestamp() OR owner.disabled_at IS NOT NULL THEN
        RETURN howdah.access_refuse('sign-in', owner.id, 'api', 'token-ended');
    END IF;
    RETURN jsonb_build_object('principal', owner.id, 'subject', owner.subject, 'groups', owner.groups);
END $$;

-- Makes the policies what the manifest says; a policy that differs gets a new version.
CREATE FUNCTION howdah.access_policies(wanted jsonb) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one jsonb;
    rule howdah.access_policy;
    old howdah.access_policy;
    changes integer := 0;
BEGIN
    LOCK TABLE howdah.access_policy IN EXCLUSIVE MODE;
    FOR one IN SELECT * FROM jsonb_array_elements(wanted) LOOP
        rule := jsonb_populate_record(NULL::howdah.access_policy, one);
        SELECT * INTO old FROM howdah.access_policy p WHERE p.id = rule.id ORDER BY p.version DESC LIMIT 1;
        rule.version := coalesce(old.version, 0);
        rule.is_current := true;
        CONTINUE WHEN old IS NOT DISTINCT FROM rule;
        UPDATE howdah.access_policy p SET is_current = false WHERE p.id = rule.id AND p.is_current;
        rule.version := rule.version + 1;
        INSERT INTO howdah.access_policy SELECT (rule).*;
        changes := changes + 1;
        PERFORM howdah.access_tell('policy.changed', NULL, rule.id, 'done', to_jsonb(rule));
    END LOOP;
    FOR old IN UPDATE howdah.access_policy p SET is_current = false
        WHERE p.is_current AND NOT EXISTS (SELECT FROM jsonb_array_elements(wanted) w WHERE w ->> 'id' = p.id)
        RETURNING * LOOP
        changes := changes + 1;
        PERFORM howdah.access_tell('policy.ended', NULL, old.id, 'done', jsonb_build_object('version', old.version));
    END LOOP;
    RETURN changes;
END $$;

-- Asks. {"request": id} or a refusal.
CREATE FUNCTION howdah.access_ask(actor bigint, of_policy text, for_ttl interval, of_reason text,
    recipient text, is_emergency boolean) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    act CONSTANT text := 'request.made';
    who howdah.access_principal;
    rule howdah.access_policy;
    asked howdah.access_request;
    refusal text;
BEGIN
    -- Requests of one person take turns, so that their count is true.
    SELECT * INTO STRICT who FROM howdah.access_principal p WHERE p.id = actor FOR UPDATE;
    SELECT * INTO rule FROM howdah.access_policy p WHERE p.id = of_policy AND p.is_current;
    refusal := CASE
        WHEN rule.id IS NULL THEN 'policy-unknown'
        WHEN cardinality(rule.requesters) > 0 AND NOT who.groups && rule.requesters THEN 'not-eligible'
        WHEN who.disabled_at IS NOT NULL THEN 'not-eligible'
        WHEN who.review IS NOT NULL THEN 'review-due'
        WHEN is_emergency AND rule.break_glass_ttl IS NULL THEN 'no-break-glass'
        WHEN for_ttl <= interval '0' OR for_ttl > rule.max_ttl
            OR (is_emergency AND for_ttl > rule.break_glass_ttl) THEN 'duration-too-long'
        WHEN (SELECT count(*) FROM howdah.access_request r WHERE r.requester = actor
            AND r.policy = rule.id AND r.lapses_at > clock_timestamp()
            AND (r.state = 'pending' OR r.state = 'approved'
            AND NOT EXISTS (SELECT FROM howdah.access_grant g WHERE g.request = r.id)))
            >= rule.max_pending THEN 'too-many-pending'
        ELSE howdah.access_profile_refusal(rule.profile) END;
    IF refusal IS NOT NULL THEN
        RETURN howdah.access_refuse(act, actor, left(of_policy, 63), refusal);
    END IF;
    asked := (gen_random_uuid(), actor, rule.id, rule.version, of_reason, for_ttl, is_emergency, recipient,
        NULL, 'pending', clock_timestamp(), clock_timestamp() + rule.lapse_after);
    asked.digest := howdah.access_digest(asked);
    INSERT INTO howdah.access_request SELECT (asked).*;
    IF is_emergency THEN
        UPDATE howdah.access_request r SET state = 'approved' WHERE r.id = asked.id;
        UPDATE howdah.access_principal p SET review = asked.id WHERE p.id = actor;
    END IF;
    PERFORM howdah.access_tell(CASE WHEN is_emergency THEN 'request.break-glass' ELSE act END, actor,
        asked.id::text, 'done', jsonb_build_object('policy', rule.id, 'version', rule.version,
        'profile', rule.profile, 'for_s', extract(epoch FROM for_ttl), 'reason', of_reason,
        'digest', encode(asked.digest, 'hex')));
    RETURN jsonb_build_object('request', asked.id);
END $$;

-- The request, locked; one whose time has passed lapses here and now.
CREATE FUNCTION howdah.access_open(of_request uuid) RETURNS howdah.access_request
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked howdah.access_request;
BEGIN
    SELECT * INTO asked FROM howdah.access_request r WHERE r.id = of_request FOR UPDATE;
    IF asked.state IN ('pending', 'approved') AND asked.lapses_at <= clock_timestamp()
        AND NOT EXISTS (SELECT FROM howdah.access_grant g WHERE g.request = of_request) THEN
        UPDATE howdah.access_request r SET state = 'lapsed' WHERE r.id = of_request RETURNING * INTO asked;
        PERFORM howdah.access_tell('request.lapsed', NULL, of_request::text, 'done', '{}');
    END IF;
    RETURN asked;
END $$;

-- Changes what is asked for, and voids what was decided on before.
CREATE FUNCTION howdah.access_edit(actor bigint, of_request uuid, for_ttl interval, of_reason text)
RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    act CONSTANT text := 'request.edited';
    asked howdah.access_request := howdah.access_open(of_request);
    rule howdah.access_policy;
    refusal text;
BEGIN
    SELECT * INTO rule FROM howdah.access_policy p WHERE p.id = asked.policy AND p.is_current;
    refusal := CASE
        WHEN asked.id IS NULL THEN 'request-unknown'
        WHEN asked.requester <> actor THEN 'not-yours'
        WHEN asked.state = 'lapsed' THEN 'request-lapsed'
        WHEN asked.state NOT IN ('pending', 'approved') OR asked.break_glass
            OR EXISTS (SELECT FROM howdah.access_grant g WHERE g.request = of_request) THEN 'wrong-state'
        WHEN rule.version IS DISTINCT FROM asked.policy_version THEN 'policy-changed'
        WHEN for_ttl <= interval '0' OR for_ttl > rule.max_ttl THEN 'duration-too-long' END;
    IF refusal IS NOT NULL THEN
        RETURN howdah.access_refuse(act, actor, of_request::text, refusal);
    END IF;
    asked.ttl := for_ttl;
    asked.reason := of_reason;
    UPDATE howdah.access_request r SET ttl = for_ttl, reason = of_reason, state = 'pending',
        digest = howdah.access_digest(asked) WHERE r.id = of_request RETURNING * INTO asked;
    UPDATE howdah.access_decision d SET is_void = true WHERE d.request = of_request AND NOT d.is_void;
    PERFORM howdah.access_tell(act, actor, of_request::text, 'done', jsonb_build_object(
        'for_s', extract(epoch FROM for_ttl), 'reason', of_reason, 'digest', encode(asked.digest, 'hex')));
    RETURN jsonb_build_object('request', of_request);
END $$;

-- Approves or denies the request of this digest.
CREATE FUNCTION howdah.access_decide(actor bigint, of_request uuid, of_verdict text, of_digest bytea)
RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    act CONSTANT text := CASE of_verdict WHEN 'approve' THEN 'request.approve' ELSE 'request.deny' END;
    asked howdah.access_request := howdah.access_open(of_request);
    rule howdah.access_policy;
    who howdah.access_principal;
    refusal text;
BEGIN
    SELECT * INTO rule FROM howdah.access_policy p WHERE p.id = asked.policy AND p.is_current;
    SELECT * INTO who FROM howdah.access_principal p WHERE p.id = actor;
    refusal := CASE
        WHEN asked.id IS NULL THEN 'request-unknown'
        WHEN asked.requester = actor THEN 'self-approval'
        WHEN asked.state = 'lapsed' THEN 'request-lapsed'
        WHEN asked.state <> 'pending' THEN 'wrong-state'
        WHEN rule.version IS DISTINCT FROM asked.policy_version THEN 'policy-changed'
        WHEN who.disabled_at IS NOT NULL OR NOT who.groups && rule.approvers THEN 'not-an-approver'
        WHEN of_digest IS DISTINCT FROM asked.digest THEN 'request-edited'
        WHEN EXISTS (SELECT FROM howdah.access_decision d WHERE d.request = of_request
            AND d.approver = actor AND d.verdict <> 'review' AND NOT d.is_void) THEN 'already-decided' END;
    IF refusal IS NOT NULL THEN
        RETURN howdah.access_refuse(act, actor, of_request::text, refusal);
    END IF;
    INSERT INTO howdah.access_decision (request, approver, verdict, digest)
        VALUES (of_request, actor, of_verdict, of_digest);
    IF of_verdict = 'deny' THEN
        UPDATE howdah.access_request r SET state = 'denied' WHERE r.id = of_request;
    ELSIF howdah.access_approvals(of_request) >= rule.approvals THEN
        UPDATE howdah.access_request r SET state = 'approved' WHERE r.id = of_request;
    END IF;
    SELECT * INTO asked FROM howdah.access_request r WHERE r.id = of_request;
    PERFORM howdah.access_tell(act, actor, of_request::text, 'done', jsonb_build_object(
        'state', asked.state, 'digest', encode(of_digest, 'hex')));
    RETURN jsonb_build_object('request', of_request, 'state', asked.state);
END $$;

CREATE FUNCTION howdah.access_withdraw(actor bigint, of_request uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    act CONSTANT text := 'request.withdrawn';
    asked howdah.access_request := howdah.access_open(of_request);
    refusal text;
BEGIN
    refusal := CASE
        WHEN asked.id IS NULL THEN 'request-unknown'
        WHEN asked.requester <> actor THEN 'not-yours'
        WHEN asked.state = 'lapsed' THEN 'request-lapsed'
        WHEN asked.state NOT IN ('pending', 'approved')
            OR EXISTS (SELECT FROM howdah.access_grant g WHERE g.request = of_request) THEN 'wrong-state' END;
    IF refusal IS NOT NULL THEN
        RETURN howdah.access_refuse(act, actor, of_request::text, refusal);
    END IF;
    UPDATE howdah.access_request r SET state = 'withdrawn' WHERE r.id = of_request;
    PERFORM howdah.access_tell(act, actor, of_request::text, 'done', '{}');
    RETURN jsonb_build_object('request', of_request, 'state', 'withdrawn');
END $$;

-- Makes the temporary login, with this SCRAM verifier: {"login", "not_after"} or a refusal.
CREATE FUNCTION howdah.access_activate(actor bigint, of_request uuid, verifier text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    act CONSTANT text := 'grant.activating';
    asked howdah.access_request := howdah.access_open(of_request);
    rule howdah.access_policy;
    who howdah.access_principal;
    made howdah.access_grant;
    refusal text;
BEGIN
    IF verifier !~ '^SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' THEN
        RAISE EXCEPTION 'no verifier' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT * INTO rule FROM howdah.access_policy p WHERE p.id = asked.policy AND p.is_current;
    SELECT * INTO who FROM howdah.access_principal p WHERE p.id = actor;
    refusal := CASE
        WHEN asked.id IS NULL THEN 'request-unknown'
        WHEN asked.requester <> actor THEN 'not-yours'
        WHEN asked.state = 'lapsed' THEN 'request-lapsed'
        WHEN asked.state = 'pending' THEN 'not-approved'
        WHEN asked.state <> 'approved' THEN 'wrong-state'
        WHEN EXISTS (SELECT FROM howdah.access_grant g WHERE g.request = of_request) THEN 'already-active'
        WHEN rule.version IS DISTINCT FROM asked.policy_version THEN 'policy-changed'
        WHEN who.disabled_at IS NOT NULL
            OR (cardinality(rule.requesters) > 0 AND NOT who.groups && rule.requesters) THEN 'not-eligible'
        WHEN NOT asked.break_glass AND howdah.access_approvals(of_request) < rule.approvals
            THEN 'approver-not-eligible'
        ELSE howdah.access_profile_refusal(rule.profile) END;
    IF refusal IS NOT NULL THEN
        RETURN howdah.access_refuse(act, actor, of_request::text, refusal);
    END IF;
    made := (of_request, 'howdah_' || left(replace(gen_random_uuid()::text, '-', ''), 12), 0, rule.profile,
        clock_timestamp() + asked.ttl, 'activating', NULL);
    EXECUTE format('CREATE ROLE %I LOGIN CONNECTION LIMIT 10 PASSWORD %L VALID UNTIL %L', made.login, verifier,
        to_char(made.not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00');
    EXECUTE format('GRANT %I TO %I', rule.profile, made.login);
    made.login_oid := (SELECT oid FROM pg_roles WHERE rolname = made.login);
    INSERT INTO howdah.access_grant SELECT (made).*;
    PERFORM howdah.access_tell(act, actor, of_request::text, 'done', jsonb_build_object(
        'login', made.login, 'profile', rule.profile));
    UPDATE howdah.access_grant g SET state = 'active' WHERE g.request = of_request;
    PERFORM howdah.access_tell('grant.active', actor, of_request::text, 'done', jsonb_build_object(
        'login', made.login, 'not_after', made.not_after));
    RETURN jsonb_build_object('login', made.login, 'profile', rule.profile,
        'not_after', to_char(made.not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'age_recipient', asked.age_recipient);
END $$;

-- Ends a grant: no sign-in, no membership. Its sessions end when this is committed (access_terminate).
CREATE FUNCTION howdah.access_end(actor bigint, of_request uuid, of_state text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ended howdah.access_grant;
BEGIN
    UPDATE howdah.access_grant g SET state = of_state, ended_at = clock_timestamp()
        WHERE g.request = of_request RETURNING * INTO STRICT ended;
    IF EXISTS (SELECT FROM pg_roles WHERE oid = ended.login_oid AND rolname = ended.login) THEN
        EXECUTE format('ALTER ROLE %I NOLOGIN PASSWORD NULL', ended.login);
        EXECUTE format('REVOKE %I FROM %I', ended.profile, ended.login);
        -- What a keeper needs to end its sessions and take over what it owns.
        EXECUTE format('GRANT %I TO CURRENT_USER', ended.login);
    END IF;
    PERFORM howdah.access_tell('grant.' || of_state, actor, of_request::text, 'done',
        jsonb_build_object('login', ended.login));
END $$;

CREATE FUNCTION howdah.access_revoke(actor bigint, of_request uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    act CONSTANT text := 'grant.revoked';
    asked howdah.access_request;
    given howdah.access_grant;
    may boolean;
BEGIN
    SELECT * INTO asked FROM howdah.access_request r WHERE r.id = of_request FOR UPDATE;
    SELECT * INTO given FROM howdah.access_grant g WHERE g.request = of_request FOR UPDATE;
    may := asked.requester = actor OR EXISTS (SELECT FROM howdah.access_policy p, howdah.access_principal a
        WHERE (p.id, p.version) = (asked.policy, asked.policy_version) AND a.id = actor
        AND a.disabled_at IS NULL AND a.groups && p.approvers);
    IF asked.id IS NULL THEN
        RETURN howdah.access_refuse(act, actor, of_request::text, 'request-unknown');
    ELSIF NOT may THEN
        RETURN howdah.access_refuse(act, actor, of_request::text, 'not-an-approver');
    ELSIF given.state IS DISTINCT FROM 'active' THEN
        RETURN howdah.access_refuse(act, actor, of_request::text, 'wrong-state');
    END IF;
    PERFORM howdah.access_end(actor, of_request, 'revoked');
    RETURN jsonb_build_object('request', of_request, 'state', 'revoked');
END $$;

-- Says that somebody has looked at an emergency access. After two, its user may ask again.
CREATE FUNCTION howdah.access_review(actor bigint, of_request uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    act CONSTANT text := 'request.reviewed';
    asked howdah.access_request;
    who howdah.access_principal;
    refusal text;
    reviews bigint;
BEGIN
    SELECT * INTO asked FROM howdah.access_request r WHERE r.id = of_request FOR UPDATE;
    SELECT * INTO who FROM howdah.access_principal p WHERE p.id = actor;
    refusal := CASE
        WHEN asked.id IS NULL THEN 'request-unknown'
        WHEN NOT asked.break_glass THEN 'wrong-state'
        WHEN asked.requester = actor THEN 'self-approval'
        WHEN who.disabled_at IS NOT NULL OR NOT EXISTS (SELECT FROM howdah.access_policy p
            WHERE (p.id, p.version) = (asked.policy, asked.policy_version) AND who.groups && p.approvers)
            THEN 'not-an-approver'
        WHEN EXISTS (SELECT FROM howdah.access_decision d WHERE d.request = of_request
            AND d.approver = actor AND d.verdict = 'review') THEN 'already-decided' END;
    IF refusal IS NOT NULL THEN
        RETURN howdah.access_refuse(act, actor, of_request::text, refusal);
    END IF;
    INSERT INTO howdah.access_decision (request, approver, verdict, digest)
        VALUES (of_request, actor, 'review', asked.digest);
    SELECT count(DISTINCT d.approver) INTO reviews FROM howdah.access_decision d
        WHERE d.request = of_request AND d.verdict = 'review';
    IF reviews >= 2 THEN
        UPDATE howdah.access_principal p SET review = NULL WHERE p.review = of_request;
    END IF;
    PERFORM howdah.access_tell(act, actor, of_request::text, 'done', jsonb_build_object('reviews', reviews));
    RETURN jsonb_build_object('request', of_request, 'reviews', reviews);
END $$;
