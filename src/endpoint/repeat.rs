//! Whether the database has what `idempotent` needs.

use crate::{
    config::{Access, Lane},
    definition::file,
    diagnostic::{Code, Diagnostic, Diagnostics},
    postgres::session::Session,
};
use tokio_postgres::Error;

/// Whether the table of first answers is there, and whether the role may use it.
const TABLE: &str = "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
     AND pg_catalog.has_table_privilege(c.oid, 'SELECT') \
     AND pg_catalog.has_table_privilege(c.oid, 'INSERT') \
     AND pg_catalog.has_table_privilege(c.oid, 'UPDATE') \
     AND pg_catalog.has_table_privilege(c.oid, 'DELETE') \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = 'howdah' AND c.relname = 'idempotency'";

/// What keeps the first answers of `definition`, which runs on `lane`, from being kept.
pub(super) async fn check(
    session: &Session,
    definition: &file::Endpoint,
    lane: Option<&Lane>,
    calls: bool,
    found: &mut Diagnostics,
) {
    if !definition.repeats.keeps_answers() {
        return;
    }
    let mut tell = |diagnostic: Diagnostic| {
        found.push(diagnostic.at(&definition.source, definition.repeats.idempotency_span.clone()));
    };
    if lane.is_some_and(|lane| lane.access == Access::Read) {
        tell(
            Diagnostic::error(
                Code::Conflict,
                "`idempotent` is for writes, and the lane only reads",
            )
            .help("leave it out: a read can be sent again as it is"),
        );
    }
    if calls {
        tell(
            Diagnostic::error(Code::Conflict, "`idempotent` does not go with CALL")
                .note("a procedure may end the transaction that its answer is kept in")
                .help("make the procedure a function, and select it"),
        );
    }
    match may_keep(session).await {
        Ok(Some(true)) => {}
        Ok(Some(false)) => tell(
            Diagnostic::error(Code::Statement, "the role may not keep answers for `idempotent`")
                .sqlstate("42501")
                .help(
                    "grant it: GRANT USAGE ON SCHEMA howdah TO …; GRANT SELECT, INSERT, UPDATE, \
                     DELETE ON howdah.idempotency TO …",
                ),
        ),
        Ok(None) => tell(
            Diagnostic::error(Code::Statement, "`idempotent` needs the table howdah.idempotency")
                .sqlstate("42P01")
                .help("`howdah migrate` makes it"),
        ),
        Err(error) => tell(Diagnostic::error(
            Code::Database,
            format!("the database could not be asked: {error}"),
        )),
    }
}

/// `None` where there is no table.
async fn may_keep(session: &Session) -> Result<Option<bool>, Error> {
    session.query_opt(TABLE, &[]).await?.map(|row| row.try_get(0)).transpose()
}
