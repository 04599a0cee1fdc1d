//! Which migrations were applied, and which are still to be.
//!
//! The history is kept in a schema of its own, so that no listing of the service's tables shows it,
//! and only the role that migrates may read it.

use super::{Migration, Migrations};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    postgres::session::Session,
};

/// The history's table, for `refinery`.
pub(super) const TABLE: &str = "howdah.migrations";

/// A migration that the database has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// When, in RFC 3339.
    pub applied_on: String,
    checksum: u64,
}

/// What was done, and what is to be done.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// What the database has had, in order.
    pub applied: Vec<Applied>,
    /// What it has not had yet, in order.
    pub pending: Vec<&'a Migration>,
}

/// Compares the folder with the database's history. Changes nothing.
///
/// # Errors
/// A diagnostic for each migration that was changed, renamed or removed after it was applied, and
/// for each new one whose number is below the last applied; or one for a history that cannot be
/// read.
pub async fn plan<'a>(
    session: &Session,
    migrations: &'a Migrations,
) -> Result<Plan<'a>, Diagnostics> {
    compare(read(session).await?, migrations)
}

async fn read(session: &Session) -> Result<Vec<Applied>, Box<Diagnostic>> {
    let exists = session
        .query_opt(
            "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = 'howdah' AND c.relname = 'migrations'",
            &[],
        )
        .await
        .map_err(|error| unreadable(&error).boxed())?
        .is_some();
    if !exists {
        return Ok(Vec::new());
    }
    // `refinery` takes the rows as it wrote them and panics on any other, so that they are looked
    // at here first.
    let rows = session
        .query(
            "SELECT version, name, applied_on, checksum, \
             applied_on ~ '^\\d{4}-\\d\\d-\\d\\dT([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?Z$' \
             AND applied_on::timestamptz IS NOT NULL FROM howdah.migrations ORDER BY version",
            &[],
        )
        .await
        .map_err(|error| unreadable(&error).boxed())?;
    rows.iter().map(applied).collect()
}

fn applied(row: &tokio_postgres::Row) -> Result<Applied, Box<Diagnostic>> {
    let cells = || {
        let checksum: String = row.try_get(3)?;
        let dated: bool = row.try_get(4)?;
        let applied = Applied {
            version: row.try_get(0)?,
            name: row.try_get(1)?,
            applied_on: row.try_get(2)?,
            checksum: checksum.parse().unwrap_or_default(),
        };
        Ok((applied, dated && checksum.parse::<u64>().is_ok()))
    };
    match cells() {
        Ok((applied, true)) => Ok(applied),
        Ok((applied, false)) => Err(Diagnostic::error(
            Code::Migration,
            format!("the row of migration {} in `{TABLE}` was changed by hand", applied.version),
        )
        .help("put the row back as it was, from a backup")
        .boxed()),
        Err(error) => Err(unreadable(&error).boxed()),
    }
}

/// A history that cannot be read or written.
pub(super) fn unreadable(error: &tokio_postgres::Error) -> Diagnostic {
    let diagnostic = match error.as_db_error() {
        Some(refusal) => Diagnostic::error(
            Code::Database,
            format!("the history of migrations cannot be used: {}", refusal.message()),
        )
        .sqlstate(refusal.code().code()),
        None => Diagnostic::error(
            Code::Database,
            format!("the history of migrations cannot be used: {error}"),
        ),
    };
    diagnostic.help(
        "migrate as the database's owner, or as a role that may create the schema `howdah` in it",
    )
}

fn compare(applied: Vec<Applied>, migrations: &Migrations) -> Result<Plan<'_>, Diagnostics> {
    let mut found = Diagnostics::new();
    for done in &applied {
        match migrations.iter().find(|migration| migration.version == done.version) {
            None => found.push(removed(done)),
            Some(migration) if migration.name != done.name => found.push(
                changed(migration, done, "was renamed")
                    .note(format!("it was `{}` when it was applied", done.name)),
            ),
            Some(migration) if migration.runnable.checksum() != done.checksum => {
                found.push(changed(migration, done, "was changed"));
            }
            Some(_) => {}
        }
    }
    let last = applied.last().map(|done| done.version);
    let pending: Vec<&Migration> = migrations
        .iter()
        .filter(|migration| applied.iter().all(|done| done.version != migration.version))
        .collect();
    for migration in &pending {
        if let Some(last) = last.filter(|last| migration.version < *last) {
            found.push(
                Diagnostic::error(
                    Code::Migration,
                    format!(
                        "migration {} is new, but {last} was applied already",
                        migration.version
                    ),
                )
                .in_file(&migration.source)
                .help(format!("give it a number above {last}")),
            );
        }
    }
    if found.is_empty() { Ok(Plan { applied, pending }) } else { Err(found) }
}

fn removed(done: &Applied) -> Diagnostic {
    Diagnostic::error(
        Code::Migration,
        format!(
            "migration {} `{}` was applied on {} and is not in the folder any more",
            done.version, done.name, done.applied_on
        ),
    )
    .help(
        "put the file back; to undo what it did, write a new migration \
         (a database of `howdah up` can be made anew with --fresh)",
    )
}

fn changed(migration: &Migration, done: &Applied, what: &str) -> Diagnostic {
    Diagnostic::error(
        Code::Migration,
        format!("migration {} {what} after it was applied on {}", done.version, done.applied_on),
    )
    .in_file(&migration.source)
    .help(
        "put the file back as it was and write a new migration for the change \
         (a database of `howdah up` can be made anew with --fresh)",
    )
}
