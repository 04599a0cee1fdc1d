//! Who is signed in, by which login, and on which generation.
//!
//! A `serve` that follows its credential says its generation in `application_name`: `howdah g42`.
//! Of other applications it is known only that they have sessions.

use crate::postgres::session::Session as Connection;
use std::time::Duration;
use tokio_postgres::Error;

/// For how long a statement must have run already to be one that is being finished, not a sign that
/// somebody still works with the old credential.
const FINISHING: Duration = Duration::from_secs(2);

/// A session in the database's cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) login: String,
    pub(super) application: String,
    /// The generation that its application says it runs on.
    pub(super) generation: Option<u64>,
    /// Whether it is in no transaction.
    pub(super) is_idle: bool,
    /// For how long its statement or transaction has run.
    pub(super) busy_for: Duration,
    pub(super) address: Option<String>,
}

impl Session {
    /// Whether it shows that a live `serve` still works with a generation before `generation`.
    pub(super) fn lags(&self, generation: u64) -> bool {
        self.generation.is_some_and(|it| it < generation)
            && (self.is_idle || self.busy_for < FINISHING)
    }
}

/// The sessions of these logins.
pub(super) async fn of(connection: &Connection, logins: &[&str]) -> Result<Vec<Session>, Error> {
    let sql = "\
SELECT usename::text, coalesce(application_name, ''), coalesce(state IN ('idle', 'disabled'), false),
    coalesce(greatest(extract(epoch FROM clock_timestamp() - coalesce(xact_start, query_start)), 0),
        0)::float8,
    host(client_addr)
FROM pg_stat_activity WHERE usename = ANY($1)";
    let rows = connection.query(sql, &[&logins]).await?;
    let session = |row: &tokio_postgres::Row| {
        let application: String = row.get(1);
        Session {
            login: row.get(0),
            generation: generation_in(&application),
            application,
            is_idle: row.get(2),
            busy_for: Duration::try_from_secs_f64(row.get(3)).unwrap_or_default(),
            address: row.get(4),
        }
    };
    Ok(rows.iter().map(session).collect())
}

/// Ends sessions of these logins: those that are in no transaction, or all. Gives how many are left
/// that were not told to end.
pub(super) async fn end(connection: &Connection, logins: &[&str], all: bool) -> Result<i64, Error> {
    let sql = "\
SELECT count(*) FILTER (WHERE NOT told) FROM (
    SELECT CASE WHEN $2 OR state IN ('idle', 'disabled') THEN pg_terminate_backend(pid)
        ELSE false END AS told
    FROM pg_stat_activity WHERE usename = ANY($1)) AS it";
    connection.query_one(sql, &[&logins, &all]).await?.try_get(0)
}

/// The generation at the end of an application's name: `howdah g42`.
fn generation_in(application: &str) -> Option<u64> {
    application.rsplit_once(" g")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_read() {
        assert_eq!(generation_in("howdah g42"), Some(42));
        assert_eq!(generation_in("my app g0"), Some(0));
        for other in ["", "howdah", "g42", "howdah g", "howdah gx", "howdah g-1", "psql g1 x"] {
            assert_eq!(generation_in(other), None, "{other}");
        }
    }

    #[test]
    fn a_statement_that_is_being_finished_does_not_lag() {
        let session = |generation, is_idle, busy_s| Session {
            login: "a".to_owned(),
            application: String::new(),
            generation,
            is_idle,
            busy_for: Duration::from_secs(busy_s),
            address: None,
        };
        assert!(session(Some(1), true, 0).lags(2));
        assert!(session(Some(1), true, 60).lags(2));
        assert!(session(Some(1), false, 0).lags(2));
        assert!(!session(Some(1), false, 60).lags(2));
        assert!(!session(Some(2), true, 0).lags(2));
        assert!(!session(None, true, 0).lags(2));
    }
}
