//! The role that serves, by the word of its database.

use crate::postgres::{Target, session};

/// What the database says of the role that serves. What another may do counts as its own where it may become that one
/// (`SET ROLE`), directly or by way of others. A superuser may become any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub struct Role {
    /// Its name.
    pub name: String,
    /// The server's version as a number: 150018.
    pub version: i32,
    /// Its attributes of `SUPERUSER`, `CREATEROLE`, `CREATEDB`, `REPLICATION`, `BYPASSRLS`.
    pub attributes: Vec<String>,
    /// Roles it is a member of that read or write the server's files, run programs, end sessions.
    pub memberships: Vec<String>,
    /// Who owns tables, views, sequences and functions, of itself and the roles that it may become, and how many.
    pub owned: Vec<(String, i64)>,
    /// Who owns the database, where that is itself or a role that it may become.
    pub database_owner: Option<String>,
    /// Schemas that it may create in, and `database` when it may create schemas.
    pub creates_in: Vec<String>,
    /// Tables of which it may read password hashes and the like: `pg_authid`, `pg_user_mapping`.
    pub reads_secrets: bool,
    /// Whether this session is encrypted.
    pub tls: bool,
    /// Whether it came by a unix socket.
    pub by_socket: bool,
    /// Whether the server is on this host.
    pub by_loopback: bool,
    /// How the server hashes new passwords.
    pub password_encryption: String,
    /// The most connections that the role may have; -1 is no limit.
    pub connection_limit: i32,
    /// Functions in untrusted languages that it may run.
    pub untrusted: i64,
}

const QUESTION: &str = "\
WITH power AS (
  SELECT g.* FROM pg_catalog.pg_roles g WHERE pg_catalog.pg_has_role(session_user, g.oid, 'MEMBER')),
owner AS (
  SELECT g.rolname::text AS name, count(*) AS objects
  FROM (SELECT c.relowner AS role, c.relnamespace AS schema FROM pg_catalog.pg_class c
    UNION ALL SELECT p.proowner, p.pronamespace FROM pg_catalog.pg_proc p) o
  JOIN power g ON g.oid = o.role
  WHERE o.schema::regnamespace::text !~ '^(pg_|information_schema$)'
  GROUP BY 1)
SELECT r.rolname::text,
  current_setting('server_version_num')::int4,
  (SELECT array_remove(ARRAY[CASE WHEN bool_or(g.rolsuper) THEN 'SUPERUSER' END,
      CASE WHEN bool_or(g.rolcreaterole) THEN 'CREATEROLE' END, CASE WHEN bool_or(g.rolcreatedb) THEN 'CREATEDB' END,
      CASE WHEN bool_or(g.rolreplication) THEN 'REPLICATION' END, CASE WHEN bool_or(g.rolbypassrls) THEN 'BYPASSRLS' END],
      NULL)::text[] FROM power g),
  ARRAY(SELECT g.rolname::text FROM power g WHERE g.rolname IN
    ('pg_read_server_files','pg_write_server_files','pg_execute_server_program','pg_signal_backend',
     'pg_write_all_data','pg_maintain','pg_create_subscription')),
  ARRAY(SELECT o.name FROM owner o ORDER BY o.name), ARRAY(SELECT o.objects FROM owner o ORDER BY o.name),
  (SELECT g.rolname::text FROM pg_catalog.pg_database d JOIN power g ON g.oid = d.datdba
    WHERE d.datname = current_database()),
  ARRAY(SELECT n.nspname::text FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_'
    AND EXISTS (SELECT FROM power g WHERE pg_catalog.has_schema_privilege(g.oid, n.oid, 'CREATE')))
  || ARRAY(SELECT 'database' FROM power g
    HAVING bool_or(pg_catalog.has_database_privilege(g.oid, current_database(), 'CREATE'))),
  (SELECT bool_or(pg_catalog.has_table_privilege(g.oid, 'pg_catalog.pg_authid', 'SELECT')
    OR pg_catalog.has_table_privilege(g.oid, 'pg_catalog.pg_user_mapping', 'SELECT')) FROM power g),
  coalesce((SELECT s.ssl FROM pg_catalog.pg_stat_ssl s WHERE s.pid = pg_catalog.pg_backend_pid()), false),
  pg_catalog.inet_server_addr() IS NULL,
  coalesce(pg_catalog.inet_server_addr() <<= inet '127.0.0.0/8' OR pg_catalog.inet_server_addr() = inet '::1', false),
  current_setting('password_encryption'),
  r.rolconnlimit,
  (SELECT count(*) FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE NOT l.lanpltrusted AND l.lanname NOT IN ('internal','c','sql')
    AND EXISTS (SELECT FROM power g WHERE pg_catalog.has_function_privilege(g.oid, p.oid, 'EXECUTE')))
FROM pg_catalog.pg_roles r WHERE r.rolname = session_user";

/// Asks the database about the role that the target signs in as.
///
/// # Errors
/// Why there is no answer, in words.
pub(super) async fn ask(target: &Target) -> Result<Role, String> {
    let session = session::connect(target).await.map_err(|error| error.to_string())?;
    let row = tokio::time::timeout(target.connect_timeout, session.query_one(QUESTION, &[]))
        .await
        .map_err(|_| "the database did not answer in time".to_owned())?
        // What it says may hold names that are nobody's business.
        .map_err(|_| "the database refused the question".to_owned())?;
    session.close().await;
    let role = || -> Result<Role, tokio_postgres::Error> {
        let (owners, objects): (Vec<String>, Vec<i64>) = (row.try_get(4)?, row.try_get(5)?);
        Ok(Role {
            name: row.try_get(0)?,
            version: row.try_get(1)?,
            attributes: row.try_get(2)?,
            memberships: row.try_get(3)?,
            owned: owners.into_iter().zip(objects).collect(),
            database_owner: row.try_get(6)?,
            creates_in: row.try_get(7)?,
            reads_secrets: row.try_get(8)?,
            tls: row.try_get(9)?,
            by_socket: row.try_get(10)?,
            by_loopback: row.try_get(11)?,
            password_encryption: row.try_get(12)?,
            connection_limit: row.try_get(13)?,
            untrusted: row.try_get(14)?,
        })
    };
    role().map_err(|_| "the database's answer has another shape".to_owned())
}
