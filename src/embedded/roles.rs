//! The roles and the database of a private cluster.
//!
//! Three roles: `howdah_admin`, the superuser, sets the others up and is used for nothing else;
//! `howdah_owner` owns the database and runs migrations and seeds; the service's own role reads and
//! writes rows, owns nothing and creates nothing, as it should where it is deployed.

use super::cluster::{ADMIN, OWNER};
use crate::{
    diagnostic::{Code, Diagnostic},
    name::MAX_IDENTIFIER_BYTES,
    postgres::{
        Target,
        session::{self, Session},
    },
};
use tokio_postgres::Error;

type Failure = Box<Diagnostic>;

/// Whether the names can be a database and a role of a private cluster.
pub(super) fn check(database: &str, user: &str) -> Result<(), Failure> {
    for (what, name) in [("database", database), ("role", user)] {
        let wrong = |why: &str| {
            let message = format!("{name:?} cannot be the {what} of a private PostgreSQL: {why}");
            Err(Diagnostic::error(Code::InvalidValue, message)
                .help("set another in `[database]`")
                .boxed())
        };
        if name.is_empty() || name.len() > MAX_IDENTIFIER_BYTES {
            return wrong("a name has 1 to 63 bytes");
        }
        if name.chars().any(char::is_control) {
            return wrong("it has a control character");
        }
    }
    if [ADMIN, OWNER, "public", "none"].contains(&user) || user.starts_with("pg_") {
        let message = format!("the role {user:?} is reserved");
        let help = "name another as `user` in `[database]`";
        return Err(Diagnostic::error(Code::InvalidValue, message).help(help).boxed());
    }
    Ok(())
}

/// Makes what is missing of the roles, the database and their privileges.
///
/// A user whose logins the keeper rotates signs in no more by itself (`signs_in`).
pub(super) async fn ensure(
    admin: &Target,
    database: &str,
    user: &str,
    signs_in: bool,
) -> Result<(), Failure> {
    let session = open(admin, "postgres").await?;
    let existed = roles_and_database(&session, database, user, signs_in).await;
    let existed = existed.map_err(|it| refused(&it))?;
    session.close().await;
    let session = open(admin, database).await?;
    privileges(&session, database, user, existed).await.map_err(|it| refused(&it))?;
    session.close().await;
    Ok(())
}

async fn open(admin: &Target, database: &str) -> Result<Session, Failure> {
    let target = Target { database: database.to_owned(), ..admin.clone() };
    session::connect(&target).await.map_err(|error| Diagnostic::from(error).boxed())
}

/// Gives whether the service's role was there already.
async fn roles_and_database(
    session: &Session,
    database: &str,
    user: &str,
    signs_in: bool,
) -> Result<bool, Error> {
    let exists = async |sql: &str, name: &str| {
        Ok::<_, Error>(session.query_opt(sql, &[&name]).await?.is_some())
    };
    let role = "SELECT FROM pg_roles WHERE rolname = $1";
    if !exists(role, OWNER).await? {
        session.batch_execute(&format!("CREATE ROLE {OWNER}")).await?;
    }
    let existed = exists(role, user).await?;
    let (quoted, name) = (quote(user), quote(database));
    if !existed {
        session.batch_execute(&format!("CREATE ROLE {quoted}")).await?;
    }
    let login = if signs_in { "LOGIN" } else { "NOLOGIN" };
    // Migrations may make roles for lanes; on a private cluster nobody else's are there.
    session
        .batch_execute(&format!(
            "ALTER ROLE {OWNER} LOGIN NOSUPERUSER NOCREATEDB CREATEROLE NOREPLICATION NOBYPASSRLS; \
             ALTER ROLE {quoted} {login} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
        ))
        .await?;
    if !exists("SELECT FROM pg_database WHERE datname = $1", database).await? {
        session.batch_execute(&format!("CREATE DATABASE {name} OWNER {OWNER}")).await?;
    }
    session
        .batch_execute(&format!(
            "ALTER DATABASE {name} OWNER TO {OWNER}; \
             REVOKE ALL ON DATABASE {name} FROM PUBLIC; \
             GRANT CONNECT ON DATABASE {name} TO {quoted}"
        ))
        .await?;
    Ok(existed)
}

async fn privileges(
    session: &Session,
    database: &str,
    user: &str,
    existed: bool,
) -> Result<(), Error> {
    let quoted = quote(user);
    session
        .batch_execute(&format!(
            "ALTER SCHEMA public OWNER TO {OWNER}; \
             REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
             GRANT USAGE ON SCHEMA public TO {quoted}; \
             ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} \
                GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {quoted}; \
             ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} \
                GRANT USAGE, SELECT ON SEQUENCES TO {quoted}; \
             ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT USAGE ON SCHEMAS TO {quoted}"
        ))
        .await?;
    if existed {
        return Ok(());
    }
    // A role that is new to a database that is not: what default privileges would have given it.
    // Later starts leave it alone, so that what a migration revokes stays revoked.
    let schemas = session
        .query(
            "SELECT nspname::text FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner \
             WHERE r.rolname = $1 AND nspname <> 'howdah'",
            &[&OWNER],
        )
        .await?;
    for row in schemas {
        let schema = quote(row.try_get(0)?);
        session
            .batch_execute(&format!(
                "GRANT USAGE ON SCHEMA {schema} TO {quoted}; \
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {quoted}; \
                 GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {quoted}"
            ))
            .await?;
    }
    tracing::debug!(database, user, "the service's role was made");
    Ok(())
}

fn refused(error: &Error) -> Failure {
    let said = error.as_db_error().map_or_else(|| error.to_string(), |it| it.message().to_owned());
    let message = format!("the private PostgreSQL could not be set up: {said}");
    let diagnostic = Diagnostic::error(Code::Machine, message);
    match error.code() {
        Some(sqlstate) => diagnostic.sqlstate(sqlstate.code()).boxed(),
        None => diagnostic.boxed(),
    }
}

/// An identifier for SQL (PostgreSQL documentation, "Identifiers and Key Words").
fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_not_do_are_refused() {
        for (database, user) in [
            ("", "a"),
            ("a", ""),
            ("a", "pg_monitor"),
            ("a", "howdah_admin"),
            ("a", "howdah_owner"),
            ("a", "x\ny"),
            (&*"d".repeat(64), "a"),
        ] {
            assert!(check(database, user).is_err(), "{database} {user}");
        }
        assert!(check("postgres", "postgres").is_ok());
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
    }
}
