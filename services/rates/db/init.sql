-- Run once, when the database's volume is new, by the database image's own start script.
-- Passwords come from the container's secrets, and a statement that fails is not logged with them.
SET log_min_error_statement = 'panic';

-- Who makes the tables: `howdah migrate` logs in as this role, and ends.
\set password `cat /run/secrets/db_migrate_password`
CREATE ROLE rates_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 100 PASSWORD :'password';

-- Who serves: it owns nothing and makes nothing.
\set password `cat /run/secrets/db_web_password`
CREATE ROLE rates LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 100 PASSWORD :'password';

CREATE DATABASE rates OWNER rates_owner;
REVOKE ALL ON DATABASE rates FROM PUBLIC;
GRANT CONNECT ON DATABASE rates TO rates;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;

\connect rates
-- What migrations will make, the serving role may read; prices are added through it, too.
ALTER DEFAULT PRIVILEGES FOR ROLE rates_owner IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO rates;
