//! Writing an entry: in the transaction of what it tells of, so that both are kept or neither.
//!
//! Owns an entry's members and how they are spelt. Does not own their order in the trail.

use serde_json::{Map, Value, json};
use tokio_postgres::{Client, Error, Transaction};

const WRITE: &str = "SELECT howdah.audit_write($1, $2)";
/// Writes as one of the writers of services; which does not matter for what is written seldom.
const WRITE_SERVICE: &str = "SELECT howdah.audit_service(0, $1)";

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done; the entry is of the same transaction.
    Done,
    /// A rule refused it.
    Refused,
    /// It was tried and failed.
    Failed,
}

impl Outcome {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What happened. No member may hold a secret: whoever reads the trail reads all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'a> {
    /// Who writes: a lower-case word such as `rotation`. Entries of one writer are numbered, and
    /// their transactions take turns.
    pub writer: &'a str,
    /// What was done: `rotation.applied`.
    pub action: &'a str,
    /// Who wanted it: a principal, or the process itself.
    pub actor: &'a str,
    /// What it was done to.
    pub subject: &'a str,
    /// How it ended.
    pub outcome: Outcome,
    /// What else there is to know.
    pub detail: Map<String, Value>,
}

impl Entry<'_> {
    /// The entry as it is stored: one JSON object, its members in alphabetical order or in that of
    /// their insertion. Its bytes are what is hashed.
    pub fn to_json(&self) -> String {
        json!({
            "action": self.action,
            "actor": self.actor,
            "subject": self.subject,
            "outcome": self.outcome.as_str(),
            "detail": self.detail,
        })
        .to_string()
    }
}

/// Writes `entry` in `transaction`; gives its number among its writer's entries. Other transactions
/// of the same writer wait until this one ends, so that it is best its last statement.
///
/// # Errors
/// Those of the database: an entry over 64 KiB, a writer that is no such word, a lost connection.
pub async fn write(transaction: &Transaction<'_>, entry: &Entry<'_>) -> Result<i64, Error> {
    transaction.query_one(WRITE, &[&entry.writer, &entry.to_json()]).await?.try_get(0)
}

/// Writes `entry` in a transaction of its own, on a connection that is in none: for what was refused
/// or failed, and left nothing behind to be in one transaction with.
///
/// # Errors
/// As [`write()`].
pub async fn write_failure(client: &Client, entry: &Entry<'_>) -> Result<i64, Error> {
    client.query_one(WRITE, &[&entry.writer, &entry.to_json()]).await?.try_get(0)
}

/// Writes the `entry` of a service, which may write nothing else, in a transaction of its own.
///
/// # Errors
/// As [`write()`]; an action that does not begin with `service.`.
pub async fn write_service(client: &Client, entry: &Entry<'_>) -> Result<i64, Error> {
    client.query_one(WRITE_SERVICE, &[&entry.to_json()]).await?.try_get(0)
}
