-- What services write of their requests. They may call this function and nothing else of the trail, so
-- that none of them can write what a keeper would: the writers are the function's own, and so is the
-- first word of each action.

-- A service's entries are dealt out over eight writers, for entries of one take turns until their
-- transactions end.
CREATE FUNCTION howdah.audit_service(shard integer, entry text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF shard IS NULL OR shard NOT BETWEEN 0 AND 7 THEN
        RAISE EXCEPTION 'the writers of services are 0 to 7' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF coalesce(entry::json->>'action', '') NOT LIKE 'service.%' THEN
        RAISE EXCEPTION 'what a service does begins with service.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN howdah.audit_write('service.' || shard, entry);
END $$;

REVOKE ALL ON FUNCTION howdah.audit_service(integer, text) FROM PUBLIC;
