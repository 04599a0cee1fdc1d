//! Whether the database has what `audit` needs.

use super::need::Need;
use crate::{
    definition::file,
    diagnostic::{Diagnostic, Diagnostics},
    postgres::session::Session,
};

/// The trail's function for services.
const FUNCTION: Need = Need {
    key: "audit",
    held: "record is written",
    query: "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
            AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') \
            FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
            WHERE n.nspname = 'howdah' AND p.proname = 'audit_service'",
    denied: (
        "the role may not write to the audit trail",
        "grant it: GRANT USAGE ON SCHEMA howdah TO …; \
         GRANT EXECUTE ON FUNCTION howdah.audit_service(integer, text) TO …",
    ),
    absent: (
        "`audit` needs the function howdah.audit_service",
        "42883",
        "`howdah keeper` makes it when it leads; docs/audit.md says how it is set up",
    ),
};

/// What keeps the requests of `definition` from being in the audit trail. `calls` says whether its
/// statement is a CALL.
pub(super) async fn check(
    session: &Session,
    definition: &file::Endpoint,
    calls: bool,
    found: &mut Diagnostics,
) {
    let Some(span) = &definition.audit else { return };
    let tell = |diagnostic: Diagnostic| found.push(diagnostic.at(&definition.source, span.clone()));
    FUNCTION.check(session, calls, tell).await;
}
