-- How temporary logins end: called by the keeper that leads, never by a request.

-- Lets requests lapse and grants expire whose time has come. Gives the grants that are not closed
-- yet, with their state, and after how many milliseconds the next one expires.
CREATE FUNCTION howdah.access_sweep() RETURNS TABLE (
    grant_request uuid, grant_login text, grant_oid oid, grant_profile text, grant_state text,
    due_in_ms bigint, ended_for_ms bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    due uuid;
BEGIN
    FOR due IN SELECT r.id FROM howdah.access_request r WHERE r.state IN ('pending', 'approved')
        AND r.lapses_at <= clock_timestamp()
        AND NOT EXISTS (SELECT FROM howdah.access_grant g WHERE g.request = r.id)
        ORDER BY r.id LIMIT 100 LOOP
        PERFORM howdah.access_open(due);
    END LOOP;
    FOR due IN SELECT g.request FROM howdah.access_grant g WHERE g.state = 'active'
        AND g.not_after <= clock_timestamp() ORDER BY g.request LIMIT 100 FOR UPDATE SKIP LOCKED LOOP
        PERFORM howdah.access_end(NULL, due, 'expired');
    END LOOP;
    RETURN QUERY SELECT g.request, g.login, g.login_oid, g.profile, g.state,
        greatest(0, ceil(extract(epoch FROM g.not_after - clock_timestamp()) * 1000))::bigint,
        (extract(epoch FROM clock_timestamp() - g.ended_at) * 1000)::bigint
        FROM howdah.access_grant g WHERE g.state <> 'closed' ORDER BY g.not_after;
END $$;

-- Ends the sessions of a grant that has ended; gives how many there were.
CREATE FUNCTION howdah.access_terminate(of_request uuid) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
    JOIN howdah.access_grant g ON g.login_oid = a.usesysid
    WHERE g.request = of_request AND g.state IN ('expired', 'revoked', 'cleaning')
$$;

-- Begins to clean up after a grant without sessions.
CREATE FUNCTION howdah.access_clean(of_request uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given howdah.access_grant;
BEGIN
    UPDATE howdah.access_grant g SET state = 'cleaning'
        WHERE g.request = of_request AND g.state <> 'cleaning' RETURNING * INTO given;
    IF FOUND THEN
        PERFORM howdah.access_tell('grant.cleaning', NULL, of_request::text, 'done',
            jsonb_build_object('login', given.login));
    END IF;
END $$;

-- Drops the login, which owns nothing any more.
CREATE FUNCTION howdah.access_close(of_request uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given howdah.access_grant;
BEGIN
    UPDATE howdah.access_grant g SET state = 'closed' WHERE g.request = of_request RETURNING * INTO STRICT given;
    IF EXISTS (SELECT FROM pg_roles WHERE oid = given.login_oid AND rolname = given.login) THEN
        EXECUTE format('DROP ROLE %I', given.login);
    END IF;
    PERFORM howdah.access_tell('grant.closed', NULL, of_request::text, 'done',
        jsonb_build_object('login', given.login));
END $$;

-- Makes the role that the keeper takes on to serve requests: it may call some functions and read, and
-- write nothing. It is this database's own, for roles are shared by a cluster. The keeper calls this
-- itself, with its own rights, when it has policies.
CREATE FUNCTION howdah.access_prepare() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role text := (SELECT name FROM howdah.access_role);
    one record;
BEGIN
    IF to_regrole(role) IS NOT NULL THEN
        RETURN;
    END IF;
    role := 'howdah_requests_' || (SELECT oid FROM pg_database WHERE datname = current_database());
    IF to_regrole(role) IS NULL THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role);
    END IF;
    EXECUTE format('GRANT %I TO CURRENT_USER', role);
    DELETE FROM howdah.access_role;
    INSERT INTO howdah.access_role VALUES (role);
    EXECUTE format('GRANT USAGE ON SCHEMA howdah TO %I', role);
    EXECUTE format('GRANT SELECT ON howdah.access_role, howdah.access_principal, howdah.access_policy, '
        'howdah.access_request, howdah.access_decision, howdah.access_grant TO %I', role);
    FOR one IN SELECT p.oid::regprocedure AS call FROM pg_proc p
        WHERE p.pronamespace = 'howdah'::regnamespace AND p.proname IN ('access_enter', 'access_token_use',
            'access_ask', 'access_edit', 'access_decide', 'access_withdraw', 'access_activate',
            'access_revoke', 'access_review', 'access_approvals') LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', one.call, role);
    END LOOP;
END $$;

-- Nobody else calls any of these.
DO $$ DECLARE
    one record;
BEGIN
    FOR one IN SELECT p.oid::regprocedure AS call FROM pg_proc p
        WHERE p.pronamespace = 'howdah'::regnamespace AND p.proname LIKE 'access\_%' LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', one.call);
    END LOOP;
END $$;
