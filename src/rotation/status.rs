//! How a credential's rotation stands, for a person and for programs.

use super::{engine::Rotation, ledger::Failure, sessions::Session as Seen};
use crate::postgres::session::Session;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How a rotation stands. No secret is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Status(pub Value);

/// Looks how `rotation` stands.
///
/// # Errors
/// Why that cannot be seen.
pub async fn status(rotation: &Rotation, session: &Session) -> Result<Status, Failure> {
    let record = rotation.load(session).await?;
    let seen = rotation.seen(session, &record).await?;
    let state = &record.state;
    let issue = |issue: &super::state::Issue| json!({ "generation": issue.generation, "login": issue.login });
    let sql = "SELECT step, generation, \
            to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), \
            (extract(epoch FROM at - lag(at) OVER (ORDER BY id)) * 1000)::bigint \
        FROM howdah.rotation_step WHERE name = $1 AND generation = $2 ORDER BY id";
    let highest = i64::try_from(state.highest()).unwrap_or(i64::MAX);
    let rows = session.query(sql, &[&rotation.name(), &highest]).await?;
    let steps: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "step": row.get::<_, String>(0),
                "generation": row.get::<_, i64>(1),
                "at": row.get::<_, String>(2),
                "after_ms": row.get::<_, Option<i64>>(3),
            })
        })
        .collect();
    let trouble = rotation.trouble(session).await?;
    Ok(Status(json!({
        "name": rotation.name(),
        "owner": rotation.settings.owner,
        "adopted": state.current().login != rotation.settings.owner,
        "phase": state.phase().as_str(),
        "highest": state.highest(),
        "current": issue(state.current()),
        "old": state.old().map(issue),
        "returns": state.returns(),
        "age_s": record.age.as_secs(),
        "phase_age_s": record.phase_age.as_secs(),
        "due_at": record.due_at,
        "deadline": record.deadline,
        "reason": record.reason,
        "trouble": trouble,
        "sinks": rotation.sinks.iter().map(|it| it.name()).collect::<Vec<_>>(),
        "sessions": sessions(&seen),
        "steps": steps,
    })))
}

/// The sessions, those alike together.
fn sessions(seen: &[Seen]) -> Vec<Value> {
    let mut groups: BTreeMap<_, u64> = BTreeMap::new();
    for it in seen {
        let key = (&it.login, &it.application, &it.address, it.generation);
        *groups.entry(key).or_default() += 1;
    }
    let value = |((login, application, address, generation), count): (_, _)| {
        json!({ "login": login, "application": application, "address": address,
            "generation": generation, "count": count })
    };
    groups.into_iter().map(value).collect()
}
