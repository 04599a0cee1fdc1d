//! The state in the database, and its only writer.
//!
//! A transition is one transaction: the role, the state and the entry in the audit trail change
//! together or not at all. It is fenced by the lead's epoch and compares what it found before with
//! what is there, so that of two keepers one wins and the other changes nothing.

use super::state::{Issue, Phase, State, WrongPhase};
use crate::{
    approval::store,
    audit::inbox::{self, Entry, Outcome},
    postgres::{
        lead::{Lead, Lost},
        session::{self, Session},
    },
    problem::{Code, Problem},
};
use serde_json::{Map, Value, json};
use std::{fmt, time::Duration};
use tokio_postgres::{Error, Row, Transaction, error::SqlState};

/// What the trail calls this room.
pub(super) const WRITER: &str = "rotation";
/// Steps that are kept of each credential.
const STEPS_KEPT: i64 = 700;

/// Why a transition was not made. Nothing of it was.
#[derive(Debug)]
pub enum Failure {
    /// The lead is lost, or the database.
    Lost(Lost),
    /// It does not follow where the rotation stands: somebody else was faster.
    Elsewhere(String),
    /// The database refuses to change the role.
    Role {
        /// The SQLSTATE.
        sqlstate: String,
        /// What the server says.
        message: String,
    },
    /// The access request that it takes is refused.
    Leave(Problem),
    /// What is stored cannot be: it was edited by hand, or sealed with another key.
    Damaged(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(lost) => write!(formatter, "{lost}"),
            Self::Elsewhere(why) | Self::Damaged(why) => formatter.write_str(why),
            Self::Leave(problem) => formatter.write_str(problem.code().title()),
            Self::Role { sqlstate, message } => {
                write!(formatter, "the role cannot be changed: {message} (SQLSTATE {sqlstate})")
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Lost(Lost::Database(error))
    }
}

impl From<Lost> for Failure {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl From<WrongPhase> for Failure {
    fn from(wrong: WrongPhase) -> Self {
        Self::Elsewhere(wrong.to_string())
    }
}

/// What is stored of one credential. Times are judged by the database's clock, so that a keeper's
/// own may jump.
pub(super) struct Record {
    pub(super) state: State,
    pub(super) sealed: Option<Vec<u8>>,
    pub(super) old_sealed: Option<Vec<u8>>,
    /// For how long it has been in its phase.
    pub(super) phase_age: Duration,
    /// For how long the generation has been there.
    pub(super) age: Duration,
    /// Whether the database's clock has gone back to before the phase began.
    pub(super) is_ahead: bool,
    /// Whether the phase's deadline has passed.
    pub(super) is_late: bool,
    /// Whether the next generation is due.
    pub(super) is_due: bool,
    pub(super) due_at: Option<String>,
    pub(super) deadline: Option<String>,
    pub(super) reason: Option<String>,
}

const LOAD: &str = "\
SELECT phase, highest, generation, login, sealed, old_generation, old_login, old_sealed,
    greatest(extract(epoch FROM now() - since)::float8, 0),
    greatest(extract(epoch FROM now() - issued_at)::float8, 0),
    coalesce(deadline <= now(), false), coalesce(due_at <= now(), false),
    to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
    to_char(deadline AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
    reason, returns, since > now()
FROM howdah.rotation WHERE name = $1";

/// What is stored of `name`, when there is something.
pub(super) async fn load(session: &Session, name: &str) -> Result<Option<Record>, Failure> {
    session.query_opt(LOAD, &[&name]).await?.map(|row| record(&row)).transpose()
}

fn record(row: &Row) -> Result<Record, Failure> {
    let damaged = || Failure::Damaged("the stored state of the rotation cannot be".to_owned());
    let number = |at: usize| u64::try_from(row.get::<_, i64>(at)).map_err(|_| damaged());
    let old_generation: Option<i64> = row.get(5);
    let old = match (old_generation, row.get(6)) {
        (Some(generation), Some(login)) => {
            Some(Issue { generation: u64::try_from(generation).map_err(|_| damaged())?, login })
        }
        _ => None,
    };
    let phase = Phase::parse(row.get(0)).ok_or_else(damaged)?;
    let current = Issue { generation: number(2)?, login: row.get(3) };
    let state = State::stored(phase, number(1)?, current, old, row.get(15)).ok_or_else(damaged)?;
    let duration = |at: usize| Duration::try_from_secs_f64(row.get(at)).unwrap_or_default();
    Ok(Record {
        state,
        sealed: row.get(4),
        old_sealed: row.get(7),
        phase_age: duration(8),
        age: duration(9),
        is_ahead: row.get(16),
        is_late: row.get(10),
        is_due: row.get(11),
        due_at: row.get(12),
        deadline: row.get(13),
        reason: row.get(14),
    })
}

/// A transition that is to be made.
pub(super) struct Change<'a> {
    /// What it is called in the trail: `applied`.
    pub(super) step: &'static str,
    /// Where the rotation stands afterwards.
    pub(super) to: State,
    /// The seal of the current password afterwards.
    pub(super) sealed: Option<Vec<u8>>,
    /// The seal of the old one.
    pub(super) old_sealed: Option<Vec<u8>>,
    /// What changes the roles.
    pub(super) statements: Vec<String>,
    /// When the phase ends by itself.
    pub(super) deadline: Option<Duration>,
    /// When the next generation is due; nothing leaves it as it is.
    pub(super) due_in: Option<Duration>,
    /// What a person should know of it.
    pub(super) reason: Option<String>,
    /// Who wanted it.
    pub(super) actor: &'a str,
    /// The access request that it uses up.
    pub(super) leave: Option<Leave<'a>>,
}

/// By whose leave a rotation begins: an approved access request.
#[derive(Clone, Copy, Debug)]
pub struct Leave<'a> {
    /// The policy that it must be of.
    pub policy: &'a str,
    /// Its number.
    pub request: &'a str,
    /// Whose it must be, by number.
    pub principal: i64,
}

impl<'a> Change<'a> {
    /// A transition of `record` that changes its phase alone.
    pub(super) fn of(step: &'static str, record: &Record, to: State, actor: &'a str) -> Self {
        Self {
            step,
            to,
            sealed: record.sealed.clone(),
            old_sealed: record.old_sealed.clone(),
            statements: Vec::new(),
            deadline: None,
            due_in: None,
            reason: None,
            actor,
            leave: None,
        }
    }
}

/// Writes the first record of `name`, unless there is one: its state, the seal of its password where
/// that is known, and when the next generation is due.
pub(super) async fn register(
    session: &mut Session,
    lead: Lead,
    name: &str,
    state: &State,
    sealed: Option<Vec<u8>>,
    due_in: Option<Duration>,
) -> Result<(), Failure> {
    let transaction = session.transaction().await?;
    lead.fence(&transaction).await?;
    let sql = "INSERT INTO howdah.rotation \
        (name, phase, highest, generation, login, sealed, due_at) VALUES ($1, 'idle', $2, $2, $3, $4, \
        CASE WHEN $5::float8 < 0 THEN NULL ELSE now() + make_interval(secs => $5) END) \
        ON CONFLICT DO NOTHING";
    let (generation, login) = (signed(state.highest()), &state.current().login);
    transaction.execute(sql, &[&name, &generation, login, &sealed, &due(due_in)]).await?;
    transaction.commit().await?;
    Ok(())
}

/// Makes the transition `change` from `from`, whole or not at all.
pub(super) async fn advance(
    session: &mut Session,
    lead: Lead,
    name: &str,
    from: &State,
    change: &Change<'_>,
) -> Result<(), Failure> {
    let is_quiet = !change.statements.is_empty() && can_be_quiet(session).await?;
    let transaction = session.transaction().await?;
    lead.fence(&transaction).await?;
    compare(&transaction, name, from).await?;
    if let Some(leave) = &change.leave {
        use_up(&transaction, leave).await?;
    }
    if is_quiet {
        transaction.batch_execute(QUIET).await?;
    }
    for statement in &change.statements {
        transaction.batch_execute(statement).await.map_err(refused)?;
    }
    set(&transaction, name, change).await?;
    let entry = Entry {
        writer: WRITER,
        action: &format!("rotation.{}", change.step),
        actor: change.actor,
        subject: name,
        outcome: if change.step == "aborted" { Outcome::Failed } else { Outcome::Done },
        detail: detail(lead, from, change),
    };
    inbox::write(&transaction, &entry).await?;
    transaction.commit().await?;
    Ok(())
}

async fn use_up(transaction: &Transaction<'_>, leave: &Leave<'_>) -> Result<(), Failure> {
    let used = store::use_up(transaction, leave.principal, leave.request, leave.policy).await;
    used.map_err(|failure| match failure {
        store::Failure::Refused(problem) => Failure::Leave(problem),
        // It is no number of a request.
        store::Failure::Database(error)
            if error.code() == Some(&SqlState::INVALID_TEXT_REPRESENTATION) =>
        {
            Failure::Leave(Problem::new(Code::RequestNumberInvalid))
        }
        store::Failure::Database(error) => error.into(),
    })
}

/// Keeps the session's statements, which carry verifiers, out of the log: the setting is the
/// transaction's own.
const QUIET: &str = "SET LOCAL log_statement = 'none'; SET LOCAL log_min_error_statement = 'panic'; \
    SET LOCAL log_min_duration_statement = -1";

/// Whether this role may do that: from PostgreSQL 15 by GRANT SET ON PARAMETER, before as superuser
/// alone.
async fn can_be_quiet(session: &Session) -> Result<bool, Error> {
    let sql = if session::major(session.version()).is_some_and(|major| major >= 15) {
        "SELECT has_parameter_privilege('log_statement', 'SET') \
            AND has_parameter_privilege('log_min_error_statement', 'SET') \
            AND has_parameter_privilege('log_min_duration_statement', 'SET')"
    } else {
        "SELECT current_setting('is_superuser') = 'on'"
    };
    session.query_one(sql, &[]).await?.try_get(0)
}

/// Makes sure that nobody was faster.
async fn compare(transaction: &Transaction<'_>, name: &str, from: &State) -> Result<(), Failure> {
    let sql = "SELECT phase, highest, generation FROM howdah.rotation WHERE name = $1 FOR UPDATE";
    let row = transaction.query_one(sql, &[&name]).await?;
    let is = (row.get::<_, &str>(0), row.get::<_, i64>(1), row.get::<_, i64>(2));
    let was = (from.phase().as_str(), signed(from.highest()), signed(from.current().generation));
    if is == was {
        Ok(())
    } else {
        Err(Failure::Elsewhere(format!("the rotation stands elsewhere: {}", is.0)))
    }
}

async fn set(transaction: &Transaction<'_>, name: &str, change: &Change<'_>) -> Result<(), Error> {
    let to = &change.to;
    let seconds = |duration: Option<Duration>| duration.map(|it| it.as_secs_f64());
    let old_generation = to.old().map(|it| signed(it.generation));
    let old_login = to.old().map(|it| it.login.as_str());
    let sql = "\
UPDATE howdah.rotation SET
    issued_at = CASE WHEN generation <> $4 THEN now() ELSE issued_at END,
    phase = $2, highest = $3, generation = $4, login = $5, sealed = $6,
    old_generation = $7, old_login = $8, old_sealed = $9, since = now(),
    deadline = now() + make_interval(secs => $10),
    due_at = CASE WHEN $11::float8 IS NULL THEN due_at
        WHEN $11 < 0 THEN NULL ELSE now() + make_interval(secs => $11) END,
    reason = $12, returns = $13
WHERE name = $1";
    transaction
        .execute(
            sql,
            &[
                &name,
                &to.phase().as_str(),
                &signed(to.highest()),
                &signed(to.current().generation),
                &to.current().login,
                &change.sealed,
                &old_generation,
                &old_login,
                &change.old_sealed,
                &seconds(change.deadline),
                &due(change.due_in),
                &change.reason,
                &to.returns(),
            ],
        )
        .await?;
    let sql = "INSERT INTO howdah.rotation_step (name, generation, step) VALUES ($1, $2, $3)";
    let generation = signed(to.highest());
    transaction.execute(sql, &[&name, &generation, &change.step]).await?;
    let sql = "DELETE FROM howdah.rotation_step WHERE name = $1 AND id <= \
        (SELECT max(id) FROM howdah.rotation_step) - $2";
    transaction.execute(sql, &[&name, &STEPS_KEPT]).await?;
    Ok(())
}

/// Seconds until the next generation is due; below nothing where none ever is.
fn due(due_in: Option<Duration>) -> Option<f64> {
    due_in.map(|it| if it == Duration::MAX { -1.0 } else { it.as_secs_f64() })
}

fn detail(lead: Lead, from: &State, change: &Change<'_>) -> Map<String, Value> {
    let to = &change.to;
    let mut detail = Map::new();
    let mut put = |key: &str, value: Value| drop(detail.insert(key.to_owned(), value));
    put("generation", json!(to.current().generation));
    put("login", json!(to.current().login));
    put("from", json!(from.phase().as_str()));
    put("to", json!(to.phase().as_str()));
    put("epoch", json!(lead.epoch()));
    if let Some(reason) = &change.reason {
        put("reason", json!(reason));
    }
    if let Some(leave) = &change.leave {
        put("request", json!(leave.request));
    }
    detail
}

fn refused(error: Error) -> Failure {
    match error.as_db_error() {
        Some(refusal) => Failure::Role {
            sqlstate: refusal.code().code().to_owned(),
            message: refusal.message().to_owned(),
        },
        None => error.into(),
    }
}

/// Says why the rotation does not get on, for whoever looks.
pub(super) async fn note(session: &Session, name: &str, reason: &str) -> Result<(), Failure> {
    let sql = "UPDATE howdah.rotation SET reason = $2 \
        WHERE name = $1 AND reason IS DISTINCT FROM $2";
    session.execute(sql, &[&name, &reason]).await?;
    Ok(())
}

/// Has the phase begin now, after the database's clock went back: else an overlap, and what is to be given
/// up, would wait for as long as it went back. The deadline stays as far away as it was.
pub(super) async fn begin_again(
    session: &mut Session,
    lead: Lead,
    name: &str,
) -> Result<(), Failure> {
    let transaction = session.transaction().await?;
    lead.fence(&transaction).await?;
    let sql = "UPDATE howdah.rotation SET deadline = deadline - (since - now()), since = now() \
        WHERE name = $1 AND since > now()";
    transaction.execute(sql, &[&name]).await?;
    transaction.commit().await?;
    Ok(())
}

fn signed(generation: u64) -> i64 {
    i64::try_from(generation).unwrap_or(i64::MAX)
}
