//! Which index an endpoint lacks, and what keeps an index from being used.
//!
//! Owns the look at the plan that PostgreSQL makes for a statement whatever its arguments, and what
//! it means for an author: a diagnostic with the statement that would mend it. Does not own whether
//! the statement is right (`endpoint`), nor when advice is asked for (`cli`).
//!
//! Advice is given where it is worth something: for tables of [`MIN_ROWS`] rows and more.

mod condition;
mod name;
mod node;
mod report;
mod scan;
mod slow;
mod table;

pub use slow::{SLOW, SLOW_ANSWERS, Slow};

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    endpoint::Endpoint,
    postgres::session::Session,
    service::Service,
};
use node::Node;
use tokio_postgres::{Error, SimpleQueryMessage};

/// A table of fewer rows is read as a whole in about a millisecond, and an index gains nothing that
/// a caller would notice.
pub const MIN_ROWS: f64 = 10_000.0;

/// Advice about every endpoint of a service, in the order of their files.
pub async fn advise(session: &Session, service: &Service) -> Diagnostics {
    let mut found = Diagnostics::new();
    for endpoint in service.endpoints() {
        // What cannot be planned has been told already, or is no statement that reads a table.
        let Ok(advice) = advise_endpoint(session, endpoint).await else { continue };
        for diagnostic in advice {
            found.push(diagnostic);
        }
    }
    found
}

/// Advice about one endpoint.
///
/// # Errors
/// When the server could not be asked.
pub async fn advise_endpoint(
    session: &Session,
    endpoint: &Endpoint,
) -> Result<Vec<Diagnostic>, Error> {
    let Some(plan) = generic_plan(session, endpoint).await? else { return Ok(Vec::new()) };
    let work_mem = work_mem(session).await?;
    let mut findings = Vec::new();
    for look in scan::looks(&plan, work_mem) {
        let Some(table) = table::read(session, &look.schema, &look.relation).await? else {
            continue;
        };
        if table.rows >= MIN_ROWS
            && let Some(finding) = report::judge(session, &look, &table).await?
            && !findings.contains(&finding)
        {
            findings.push(finding);
        }
    }
    Ok(findings.into_iter().map(|finding| finding.diagnostic(endpoint)).collect())
}

/// The plan for any arguments, with costs and with names in full. `None` when the server plans no
/// such statement.
async fn generic_plan(session: &Session, endpoint: &Endpoint) -> Result<Option<Node>, Error> {
    let statement = &endpoint.statement;
    let types = session
        .query(
            "SELECT pg_catalog.format_type(it.oid, NULL) \
             FROM pg_catalog.unnest($1::pg_catalog.oid[]) WITH ORDINALITY AS it (oid, place) \
             ORDER BY it.place",
            &[&statement.parameters],
        )
        .await?;
    let types: Vec<String> = types.iter().map(|row| row.get(0)).collect();
    let list = if types.is_empty() { String::new() } else { format!(" ({})", types.join(", ")) };
    session.batch_execute("SET plan_cache_mode = force_generic_plan").await?;
    let prepare = format!("PREPARE howdah_advice{list} AS {}", statement.sql);
    if session.batch_execute(&prepare).await.is_err() {
        return Ok(None);
    }
    let nulls = vec!["NULL"; types.len()].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    let explain = format!("EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE howdah_advice{arguments}");
    let said = session.simple_query(&explain).await;
    session.batch_execute("DEALLOCATE howdah_advice").await?;
    let Ok(said) = said else { return Ok(None) };
    Ok(Node::parse(&text(&said)))
}

/// What one session may hold in memory for a sort, in bytes.
async fn work_mem(session: &Session) -> Result<f64, Error> {
    let row = session
        .query_one(
            "SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem'))::float8",
            &[],
        )
        .await?;
    Ok(row.get(0))
}

/// The one column of what a statement without parameters gives.
fn text(messages: &[SimpleQueryMessage]) -> String {
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    rows.collect()
}
