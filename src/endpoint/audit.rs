//! Whether the database has what `audit` needs.

use crate::{
    definition::file,
    diagnostic::{Code, Diagnostic, Diagnostics},
    postgres::session::Session,
};
use tokio_postgres::Error;

/// Whether the trail's function for services is there, and whether the role may call it.
const FUNCTION: &str = "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
     AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') \
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
     WHERE n.nspname = 'howdah' AND p.proname = 'audit_service'";

/// What keeps the requests of `definition` from being in the audit trail. `calls` says whether its
/// statement is a CALL.
pub(super) async fn check(
    session: &Session,
    definition: &file::Endpoint,
    calls: bool,
    found: &mut Diagnostics,
) {
    let Some(span) = &definition.audit else { return };
    let mut tell =
        |diagnostic: Diagnostic| found.push(diagnostic.at(&definition.source, span.clone()));
    if calls {
        tell(
            Diagnostic::error(Code::Conflict, "`audit` does not go with CALL")
                .note("a procedure may end the transaction that its record is written in")
                .help("make the procedure a function, and select it"),
        );
    }
    match may_write(session).await {
        Ok(Some(true)) => {}
        Ok(Some(false)) => tell(
            Diagnostic::error(Code::Statement, "the role may not write to the audit trail")
                .sqlstate("42501")
                .help(
                    "grant it: GRANT USAGE ON SCHEMA howdah TO …; \
                     GRANT EXECUTE ON FUNCTION howdah.audit_service(integer, text) TO …",
                ),
        ),
        Ok(None) => tell(
            Diagnostic::error(Code::Statement, "`audit` needs the function howdah.audit_service")
                .sqlstate("42883")
                .help(
                    "`howdah keeper` makes it when it leads; docs/audit.md says how it is set up",
                ),
        ),
        Err(error) => tell(Diagnostic::error(
            Code::Database,
            format!("the database could not be asked: {error}"),
        )),
    }
}

/// `None` where there is no such function.
async fn may_write(session: &Session) -> Result<Option<bool>, Error> {
    session.query_opt(FUNCTION, &[]).await?.map(|row| row.try_get(0)).transpose()
}
