-- Run once, when the database's volume is new, by the database image's own start script.
-- Passwords come from the container's secrets, and a statement that fails is not logged with them.
SET log_min_error_statement = 'panic';

\set password `cat /run/secrets/db_web_password`
CREATE ROLE catalog LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 100 PASSWORD :'password';

-- The role owns this database, and has no way into another one.
CREATE DATABASE catalog OWNER catalog;
REVOKE ALL ON DATABASE catalog FROM PUBLIC;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
