//! Reading requests: one with all that is known of it, or a page of many.

use super::Failure;
use crate::problem::{Code, Problem};
use serde_json::Value;
use tokio_postgres::{Client, types::ToSql};

/// Requests on a page.
const PAGE: usize = 50;

/// Which requests are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<String>,
    /// Only those of this principal.
    pub requester: Option<i64>,
}

/// A page of requests, the newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The requests.
    pub requests: Vec<Value>,
    /// The request after which the next page begins, when there is one.
    pub next: Option<String>,
}

/// A request as it is shown. The state of its grant, once there is one, is the request's.
const SHOWN: &str = "\
SELECT json_build_object('id', r.id, 'requester', p.issuer || ':' || p.subject, 'policy', r.policy,
    'action', w.action,
    'profile', w.profile, 'reason', r.reason, 'for_s', round(extract(epoch FROM r.ttl)::numeric),
    'break_glass', r.break_glass, 'state', coalesce(g.state, r.state),
    'approvals', howdah.access_approvals(r.id), 'approvals_needed', w.approvals,
    'digest', encode(r.digest, 'hex'), 'made_at', to_char(r.made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
    'lapses_at', to_char(r.lapses_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
    'login', g.login, 'not_after', to_char(g.not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
    'decisions', (SELECT coalesce(json_agg(json_build_object('by', a.issuer || ':' || a.subject, 'verdict', d.verdict,
        'void', d.is_void, 'at', to_char(d.decided_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))
        ORDER BY d.id), '[]') FROM howdah.access_decision d
        JOIN howdah.access_principal a ON a.id = d.approver WHERE d.request = r.id))::text, r.id::text
FROM howdah.access_request r
JOIN howdah.access_principal p ON p.id = r.requester
JOIN howdah.access_policy w ON (w.id, w.version) = (r.policy, r.policy_version)
LEFT JOIN howdah.access_grant g ON g.request = r.id";

/// One request.
///
/// # Errors
/// When there is none, or those of the database.
pub async fn show(client: &Client, request: &str) -> Result<Value, Failure> {
    let sql = format!("{SHOWN} WHERE r.id = $1::text::uuid");
    let row = client.query_opt(&sql, &[&request]).await?;
    let row = row.ok_or_else(|| Failure::Refused(Problem::new(Code::RequestUnknown)))?;
    Ok(value(row.try_get(0)?))
}

/// A page of requests, from the one after `after` on.
///
/// # Errors
/// Those of the database.
pub async fn list(client: &Client, filter: &Filter, after: Option<&str>) -> Result<Page, Failure> {
    let sql = format!(
        "{SHOWN} WHERE ($1::text IS NULL OR coalesce(g.state, r.state) = $1) \
         AND ($2::bigint IS NULL OR r.requester = $2) AND ($3::text IS NULL OR (r.made_at, r.id) < \
         (SELECT l.made_at, l.id FROM howdah.access_request l WHERE l.id = $3::text::uuid)) \
         ORDER BY r.made_at DESC, r.id DESC LIMIT {}",
        PAGE + 1
    );
    let arguments: [&(dyn ToSql + Sync); 3] = [&filter.state, &filter.requester, &after];
    let rows = client.query(&sql, &arguments).await?;
    let mut page = Page { requests: Vec::new(), next: None };
    for row in rows.iter().take(PAGE) {
        page.requests.push(value(row.try_get(0)?));
    }
    if rows.len() > PAGE {
        page.next = rows.get(PAGE - 1).map(|row| row.try_get(1)).transpose()?;
    }
    Ok(page)
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
