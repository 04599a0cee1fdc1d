-- Run once, when the database's volume is new, by the database image's own start script.
-- Passwords come from the container's secrets, and a statement that fails is not logged with them.
SET log_min_error_statement = 'panic';

-- Who makes the tables: `howdah migrate` logs in as this role, and ends.
\set password `cat /run/secrets/db_migrate_password`
CREATE ROLE rates_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 100 PASSWORD :'password';

-- Who serves: it owns nothing and makes nothing.
\set password `cat /run/secrets/db_web_password`
CREATE ROLE rates LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 100 PASSWORD :'password';

-- The two logins that take turns once the keeper has taken the service over (docs/rotation.md): they act as
-- the serving role from their first statement. `howdah credentials setup` writes the same for any service.
CREATE ROLE rates_a NOLOGIN NOINHERIT CONNECTION LIMIT 100 IN ROLE rates;
CREATE ROLE rates_b NOLOGIN NOINHERIT CONNECTION LIMIT 100 IN ROLE rates;
ALTER ROLE rates_a SET role = 'rates';
ALTER ROLE rates_b SET role = 'rates';

-- Who changes them: it sees who is signed in, ends sessions, and keeps what it says of that out of the log.
CREATE ROLE rates_keeper NOLOGIN NOSUPERUSER NOCREATEDB CREATEROLE NOREPLICATION;
GRANT pg_signal_backend, pg_read_all_stats TO rates_keeper;
GRANT SET ON PARAMETER log_statement, log_min_error_statement, log_min_duration_statement TO rates_keeper;
GRANT rates, rates_a, rates_b TO rates_keeper WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
\set password `cat /run/secrets/db_keeper_password`
CREATE ROLE rates_keeper_a LOGIN CONNECTION LIMIT 20 IN ROLE rates_keeper PASSWORD :'password';
ALTER ROLE rates_keeper_a SET role = 'rates_keeper';

CREATE DATABASE rates OWNER rates_owner;
REVOKE ALL ON DATABASE rates FROM PUBLIC;
GRANT CONNECT ON DATABASE rates TO rates, rates_a, rates_b, rates_keeper_a;
GRANT CONNECT, CREATE ON DATABASE rates TO rates_keeper;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;

\connect rates
-- What migrations will make, the serving role may read; prices are added through it, too.
ALTER DEFAULT PRIVILEGES FOR ROLE rates_owner IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO rates;

-- Where the keeper has its tables; the history of the migrations is there, too.
CREATE SCHEMA howdah AUTHORIZATION rates_keeper;
GRANT USAGE, CREATE ON SCHEMA howdah TO rates_owner;
