-- Run once, when the database's volume is new, by the database image's own start script.
-- Passwords come from the container's secrets, and a statement that fails is not logged with them.
SET log_min_error_statement = 'panic';

\set password `cat /run/secrets/db_web_password`
CREATE ROLE status LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 100 PASSWORD :'password';

-- The service asks for the server's version and nothing else, so its role owns nothing.
CREATE DATABASE status;
REVOKE ALL ON DATABASE status FROM PUBLIC;
GRANT CONNECT ON DATABASE status TO status;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;

\connect status
CREATE TABLE started (at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE started IS 'When this database began: one row, as long as its volume is kept';
INSERT INTO started DEFAULT VALUES;
