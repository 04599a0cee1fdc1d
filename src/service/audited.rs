//! Requests to endpoints with `audit`: no answer without its record.
//!
//! Owns the order: in one transaction the statement runs, its record is written, and both are kept,
//! before anything is answered. What failed is recorded on a connection of its own, and what was turned
//! away before the database was asked is counted (`refusals`). Does not own the trail (`audit`).

mod record;
mod refusals;

pub use record::Record;
pub(super) use refusals::Refusals;

use super::{NotLoaded, NotMade, Serving, cache, failure, once};
use crate::{
    access::{Caller, Permit, Policy},
    audit::inbox::{Entry, Outcome},
    config::{Access, Config, Lane as LaneConfig},
    definition::{file, route::Method},
    diagnostic::{Code, Diagnostic, Diagnostics},
    encode::Medium,
    endpoint::{AnswerSink, Endpoint, page::Page},
    lane::{Done, Exclusive, Failure, RowSink, Stop},
    name::Identifier,
    postgres::statement::Prepared,
    problem::{self, Problem, sqlstate::Statement},
    value::Argument,
};
use std::sync::Arc;
use tokio::time::Instant;

/// OIDs of the function's types.
const INT4: u32 = 23;
const TEXT: u32 = 25;
const INT8: u32 = 20;
/// The writers that entries of services are dealt out over (`audit/sql/202_audit_services.sql`).
const WRITERS: i32 = 8;

/// Why an audited request has no answer.
#[derive(Debug)]
pub enum NotGiven {
    /// The statement did not run; the trail has that, where it got as far as the database.
    Failed(Failure),
    /// What happened could not be recorded.
    Unrecorded(Failure),
}

impl From<Failure> for NotGiven {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl NotGiven {
    /// The problem for the caller.
    pub fn problem(&self, statement: Statement, max_rows: u64) -> Problem {
        match self {
            Self::Failed(it) => failure::problem(it, statement, max_rows),
            Self::Unrecorded(_) => Problem::new(problem::Code::AuditUnavailable),
        }
    }

    /// What happened below.
    pub fn failure(&self) -> &Failure {
        match self {
            Self::Failed(failure) | Self::Unrecorded(failure) => failure,
        }
    }
}

/// What is asked of an audited endpoint.
#[derive(Clone, Copy)]
pub struct Audited<'a> {
    /// Of which.
    pub endpoint: &'a Endpoint,
    /// In which medium it is answered.
    pub medium: Medium,
    /// With what.
    pub arguments: &'a [Argument],
    /// For which page of its rows, where they are paged.
    pub page: Option<&'a Page<'a>>,
    /// How the trail tells of it.
    pub record: &'a Record,
}

impl Serving {
    /// Runs an endpoint's statement, or the one of a page, and records it in the same transaction.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn audited(
        &self,
        permit: Permit,
        asked: Audited<'_>,
    ) -> Result<Done<AnswerSink>, NotGiven> {
        let made = self.run_recorded(permit, asked).await;
        if let Err(NotGiven::Failed(failure)) = &made {
            let Audited { endpoint, record, .. } = asked;
            let statement = statement_of(endpoint);
            let code = failure::problem(failure, statement, endpoint.max_rows()).code();
            self.record_failure(&endpoint.lane, record, failure, code).await?;
        }
        made
    }

    async fn run_recorded(
        &self,
        permit: Permit,
        Audited { endpoint, medium, arguments, page, record }: Audited<'_>,
    ) -> Result<Done<AnswerSink>, NotGiven> {
        let (lane, patience) = self.exclusive(&endpoint.lane).ok_or(Failure::Unavailable)?;
        let most = usize::try_from(self.service.config.limits.response).unwrap_or(usize::MAX);
        let sink = AnswerSink::new(endpoint.layouts.encoder(medium), endpoint.max_rows(), most);
        let (mut sink, (statement, bound)) = match page {
            Some(page) => (sink.of_page(page), page.call(endpoint, arguments)),
            None => (sink, (Arc::clone(&endpoint.statement), endpoint.bind(arguments))),
        };
        let deadline = Instant::now() + endpoint.definition.delivery.within(patience.each);
        let mut job = lane.exclusive(permit, deadline).await?;
        let reads = self.reads(&endpoint.lane);
        job.begin_apart(if reads { BEGIN_READ } else { BEGIN_WRITE }).await?;
        job.assume()?;
        let rows = job.run(&statement, &bound, &mut sink).await?;
        job.resign().await?;
        if reads {
            job.execute(END_READ).await?;
        }
        let entry = record.to_entry(Outcome::Done, [("rows", rows.into())]);
        note(&mut job, &entry).await.map_err(NotGiven::Unrecorded)?;
        job.commit().await?;
        Ok(Done { sink, rows })
    }

    /// Records that a request failed, where it got as far as the database: one that did not was told
    /// nothing of what is stored, and the database that would take the record is away or has no room.
    ///
    /// # Errors
    /// That it could not be recorded.
    pub(super) async fn record_failure(
        &self,
        lane: &Identifier,
        record: &Record,
        failure: &Failure,
        code: problem::Code,
    ) -> Result<(), NotGiven> {
        if !asked_the_database(failure) {
            return Ok(());
        }
        let mut detail = vec![("code", code.slug().into())];
        if let Failure::Refused(refusal) | Failure::Identity(refusal) = failure {
            detail.push(("sqlstate", refusal.sqlstate.as_str().into()));
        }
        self.record_apart(lane, &record.to_entry(Outcome::Failed, detail)).await
    }

    /// Records on a connection of its own.
    ///
    /// # Errors
    /// That it could not be recorded.
    pub(super) async fn record_apart(
        &self,
        lane: &Identifier,
        entry: &Entry<'_>,
    ) -> Result<(), NotGiven> {
        let write = async {
            let (lane, patience) = self.exclusive(lane).ok_or(Failure::Unavailable)?;
            let permit = Policy::Public.permit(&Caller::Anonymous).map_err(|_| Failure::Closing)?;
            let mut job = lane.exclusive(permit, Instant::now() + patience.each).await?;
            job.begin_apart(BEGIN_WRITE).await?;
            note(&mut job, entry).await?;
            job.commit().await
        };
        write.await.map_err(NotGiven::Unrecorded)
    }

    /// Records, where that is asked for, what came of a write, in the transaction that has its key. One
    /// that was made before is committed here, for there is nothing else to do.
    pub(super) async fn keep_record(
        &self,
        job: &mut Exclusive,
        record: Option<&Record>,
        outcome: &once::Outcome,
    ) -> Result<(), NotMade> {
        let Some(record) = record else { return Ok(()) };
        let (kept, replayed) = match outcome {
            once::Outcome::Made(kept) => (kept, false),
            once::Outcome::Replayed(kept) => (kept, true),
        };
        let mut detail = vec![("rows", kept.rows.into())];
        if replayed {
            detail.push(("replayed", true.into()));
        }
        let entry = record.to_entry(Outcome::Done, detail);
        note(job, &entry).await.map_err(NotMade::Unrecorded)?;
        if replayed {
            job.commit().await.map_err(NotMade::Unrecorded)?;
        }
        Ok(())
    }

    /// Records that a write with a key was not made.
    ///
    /// # Errors
    /// That it could not be recorded.
    pub(super) async fn record_not_made(
        &self,
        lane: &Identifier,
        record: &Record,
        not_made: &NotMade,
        code: problem::Code,
    ) -> Result<(), NotMade> {
        let told = match not_made {
            NotMade::Failed { failure, .. } => {
                self.record_failure(lane, record, failure, code).await
            }
            NotMade::Unrecorded(_) => Ok(()),
            NotMade::OtherRequest | NotMade::InProgress => {
                let entry = record.to_entry(Outcome::Refused, [("code", code.slug().into())]);
                self.record_apart(lane, &entry).await
            }
        };
        told.map_err(|not_given| NotMade::Unrecorded(not_given.failure().clone()))
    }

    /// Records that a load did not take place.
    ///
    /// # Errors
    /// That it could not be recorded.
    pub(super) async fn record_not_loaded(
        &self,
        lane: &Identifier,
        record: &Record,
        not_loaded: &NotLoaded,
        code: problem::Code,
    ) -> Result<(), NotLoaded> {
        let told = match not_loaded {
            NotLoaded::Refused(failure, _) => {
                self.record_failure(lane, record, failure, code).await
            }
            NotLoaded::Key(not_made) => {
                return Ok(self.record_not_made(lane, record, not_made, code).await?);
            }
            NotLoaded::Body(_) | NotLoaded::Faults(_) | NotLoaded::TooManyRows => {
                let entry = record.to_entry(Outcome::Refused, [("code", code.slug().into())]);
                self.record_apart(lane, &entry).await
            }
        };
        told.map_err(|not_given| NotLoaded::Key(NotMade::Unrecorded(not_given.failure().clone())))
    }

    /// Whether statements of the lane may only read.
    fn reads(&self, lane: &Identifier) -> bool {
        let is_read = |it: &LaneConfig| it.access == Access::Read;
        self.service.config.lanes.get(lane).is_some_and(is_read)
    }
}

/// What is wrong with the lanes of audited endpoints: a record is written where the statement runs, and
/// another server than the primary takes none.
pub(super) fn check(config: &Config, endpoints: &[Arc<file::Endpoint>]) -> Diagnostics {
    let mut found = Diagnostics::new();
    for file in endpoints {
        let Some(span) = &file.audit else { continue };
        let own = if file.method == Method::Get { "read" } else { "write" };
        let lane = file.lane.as_ref().map_or(own, Identifier::as_str);
        if !cache::is_on_primary(config, lane) {
            let message = format!(
                "`audit` writes its record where the statement runs, and lane `{lane}` may run it on a \
                 server that takes no writes"
            );
            found.push(
                Diagnostic::error(Code::Conflict, message)
                    .at(&file.source, span.clone())
                    .help("name a lane whose `target_session_attrs` is `read-write` or `primary`"),
            );
        }
    }
    found
}

/// Begins a transaction that may write, whatever the lane's sessions begin otherwise.
pub(super) const BEGIN_WRITE: &str = "SET TRANSACTION READ WRITE";
/// The same, with a part in it that only reads: a transaction's mode holds for the subtransaction that
/// sets it, and what was before comes back with its end.
const BEGIN_READ: &str =
    "SET TRANSACTION READ WRITE; SAVEPOINT howdah_read; SET TRANSACTION READ ONLY";
/// Ends that part.
const END_READ: &str = "RELEASE SAVEPOINT howdah_read";

/// Writes `entry` in the transaction, as its last statement but the commit: entries of one writer wait
/// for each other.
pub(super) async fn note(job: &mut Exclusive, entry: &Entry<'_>) -> Result<(), Failure> {
    let statement = Prepared {
        label: "audit".to_owned(),
        sql: "SELECT howdah.audit_service($1, $2)".to_owned(),
        parameters: vec![INT4, TEXT],
        columns: vec![INT8],
        ..Prepared::default()
    };
    let shard = fastrand::i32(0..WRITERS);
    let arguments = [
        Argument::Binary(shard.to_be_bytes().to_vec()),
        Argument::Binary(entry.to_json().into_bytes()),
    ];
    job.run(&statement, &arguments, &mut Number).await.map(drop)
}

/// Whether the database had the request before it failed.
fn asked_the_database(failure: &Failure) -> bool {
    !matches!(
        failure,
        Failure::Unavailable | Failure::QueueFull | Failure::QueuedTooLong | Failure::Closing
    )
}

/// What kind of statement the endpoint has, for the table of SQLSTATEs.
fn statement_of(endpoint: &Endpoint) -> Statement {
    if endpoint.definition.method.has_body() { Statement::Write } else { Statement::Read }
}

/// Takes the number of an entry, which nobody asks for.
struct Number;

impl RowSink for Number {
    fn row(&mut self, _: &[u8]) -> Result<(), Stop> {
        Ok(())
    }

    fn restart(&mut self) {}
}
