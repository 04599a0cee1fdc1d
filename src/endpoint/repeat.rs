//! Whether the database has what `idempotent` needs.

use super::need::Need;
use crate::{
    config::{Access, Lane},
    definition::file,
    diagnostic::{Code, Diagnostic, Diagnostics},
    postgres::session::Session,
};

/// The table of first answers.
const TABLE: Need = Need {
    key: "idempotent",
    held: "answer is kept",
    query: "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
            AND pg_catalog.has_table_privilege(c.oid, 'SELECT') \
            AND pg_catalog.has_table_privilege(c.oid, 'INSERT') \
            AND pg_catalog.has_table_privilege(c.oid, 'UPDATE') \
            AND pg_catalog.has_table_privilege(c.oid, 'DELETE') \
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
            WHERE n.nspname = 'howdah' AND c.relname = 'idempotency'",
    denied: (
        "the role may not keep answers for `idempotent`",
        "grant it: GRANT USAGE ON SCHEMA howdah TO …; GRANT SELECT, INSERT, UPDATE, \
         DELETE ON howdah.idempotency TO …",
    ),
    absent: (
        "`idempotent` needs the table howdah.idempotency",
        "42P01",
        "`howdah migrate` makes it",
    ),
};

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
    TABLE.check(session, calls, tell).await;
}
