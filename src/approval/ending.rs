//! How temporary logins end: on time, with their sessions, and without a trace but the trail's.
//!
//! Owns the work of the leading keeper. Every step can be done again, so that one that dies in the
//! midst is followed by one that goes on.

use crate::postgres::{
    Target,
    session::{self, ConnectError},
};
use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};
use tokio_postgres::{Client, Error};

/// How long the sessions of an ended grant are looked for: one that was about to sign in when the
/// login was closed shows up within this time.
const WATCH: Duration = Duration::from_millis(1500);

/// The longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What went wrong with an ending; it is tried again.
#[derive(Debug)]
pub enum Failure {
    /// The database failed.
    Database(Error),
    /// A database in which the login owns something cannot be reached.
    Unreachable(String, ConnectError),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => match error.as_db_error() {
                Some(refusal) => formatter.write_str(refusal.message()),
                None => write!(formatter, "{error}"),
            },
            Self::Unreachable(database, _) => {
                write!(formatter, "the database {database} does not let the keeper in")
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// What one look found.
#[derive(Debug, Default)]
pub struct Looked {
    /// How long until the next look.
    pub next: Duration,
    /// Grants that could not be cleaned up: the login, and why.
    pub failures: Vec<(String, Failure)>,
}

/// When grants end by a clock that does not jump, as far as they were seen: a database whose clock goes
/// back keeps nobody's login for longer than was approved.
#[derive(Debug, Default)]
pub struct Ends(BTreeMap<String, Instant>);

impl Ends {
    /// How long `request` has still, when the database says that it is `due` after so long.
    fn left(&mut self, request: &str, due: Duration) -> Duration {
        let now = Instant::now();
        let by_database = now + due;
        let end = self.0.entry(request.to_owned()).or_insert(by_database);
        *end = by_database.min(*end);
        end.saturating_duration_since(now)
    }

    fn forget(&mut self, request: &str) {
        self.0.remove(request);
    }
}

/// Ends what is due, and goes on with what has ended. `target` says how the keeper signs in, for the
/// other databases of the cluster; `ends` goes from one look to the next.
///
/// # Errors
/// Those of the keeper's own database. What hinders one login hinders no other.
pub async fn look(client: &Client, target: &Target, ends: &mut Ends) -> Result<Looked, Error> {
    const SWEEP: &str = "SELECT grant_request::text, grant_login, grant_oid, grant_profile, \
                         grant_state, due_in_ms, ended_for_ms FROM howdah.access_sweep()";
    let mut looked = Looked { next: LOOK_EVERY, ..Looked::default() };
    for row in client.query(SWEEP, &[]).await? {
        let grant = Grant {
            request: row.try_get(0)?,
            login: row.try_get(1)?,
            oid: row.try_get(2)?,
            profile: row.try_get(3)?,
        };
        if row.try_get::<_, &str>(4)? == "active" {
            let due = Duration::from_millis(row.try_get::<_, i64>(5)?.unsigned_abs());
            let left = ends.left(&grant.request, due);
            looked.next = looked.next.min(left);
            if left.is_zero() && !due.is_zero() {
                const EXPIRE: &str = "SELECT howdah.access_end(NULL, $1::text::uuid, 'expired')";
                client.query_one(EXPIRE, &[&grant.request]).await?;
            }
            continue;
        }
        ends.forget(&grant.request);
        let ended = row.try_get::<_, Option<i64>>(6)?.unwrap_or_default();
        let ended = Duration::from_millis(ended.unsigned_abs());
        if let Err(failure) = end(client, target, &grant, ended, &mut looked.next).await {
            looked.failures.push((grant.login, failure));
        }
    }
    Ok(looked)
}

struct Grant {
    request: String,
    login: String,
    oid: u32,
    profile: String,
}

/// The databases in which a role owns something, or was given a right.
const WHERE: &str = "SELECT DISTINCT d.datname::text FROM pg_shdepend s JOIN pg_database d \
    ON d.oid = s.dbid WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1";

async fn end(
    client: &Client,
    target: &Target,
    grant: &Grant,
    ended: Duration,
    next: &mut Duration,
) -> Result<(), Failure> {
    let call = |function: &str| format!("SELECT howdah.{function}($1::text::uuid)");
    let row = client.query_one(&call("access_terminate"), &[&grant.request]).await?;
    let sessions: i64 = row.try_get(0)?;
    if sessions > 0 || ended < WATCH {
        *next = (*next).min(Duration::from_millis(100));
        return Ok(());
    }
    client.query_one(&call("access_clean"), &[&grant.request]).await?;
    for row in client.query(WHERE, &[&grant.oid]).await? {
        let database: String = row.try_get(0)?;
        let other = Target { database: database.clone(), ..target.clone() };
        let session = session::connect(&other).await;
        let session = session.map_err(|error| Failure::Unreachable(database, error))?;
        session.batch_execute(&hand_over(grant)).await?;
        session.close().await;
    }
    client.query_one(&call("access_close"), &[&grant.request]).await?;
    Ok(())
}

/// Gives what the login owns in a database to its profile, and takes back what it was given. The
/// keeper is a member of the profile for the length of the transaction, unless it is one anyway. From
/// PostgreSQL 16 on, who made a role is a member without its rights.
fn hand_over(grant: &Grant) -> String {
    let (login, profile) = (quoted(&grant.login), quoted(&grant.profile));
    let literal = grant.profile.replace('\'', "''");
    format!(
        "DO $hand_over$ DECLARE joined boolean := NOT pg_has_role('{literal}', \
         CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'USAGE' END); BEGIN \
         IF joined THEN GRANT {profile} TO CURRENT_USER; END IF; \
         REASSIGN OWNED BY {login} TO {profile}; DROP OWNED BY {login}; \
         IF joined THEN REVOKE {profile} FROM CURRENT_USER; END IF; END $hand_over$"
    )
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
