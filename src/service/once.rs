//! Writes that are carried out once, however often they are sent (draft-ietf-httpapi-idempotency-key-header).
//!
//! Owns the order of such a write: in one transaction its key is claimed, it is made, and its answer is
//! kept, so that a key is known exactly where its write was made. Who comes with a key that another
//! transaction has claimed waits for that transaction, in PostgreSQL. Does not own header fields
//! (`http`) nor connections (`lane`).

mod kept;
mod tidy;

pub use kept::Kept;

use super::{Record, Serving, log_reason, problem};
use crate::{
    access::{Caller, Permit},
    encode::Medium,
    endpoint::{AnswerSink, Endpoint},
    lane::{Exclusive, Failure, Stop},
    problem::{Code, Problem, sqlstate::Statement},
    value::Argument,
};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::time::Instant;

/// A request that is to be carried out once: whose it is, under which key, and what it asks.
#[derive(Clone)]
pub struct Once {
    key: [u8; 32],
    request: Sha256,
}

/// What came of it.
pub enum Outcome {
    /// It was carried out now.
    Made(Kept),
    /// It was carried out before, and this is what was answered then.
    Replayed(Kept),
}

/// Why it was not carried out.
#[derive(Debug)]
pub enum NotMade {
    /// The key came with another request before.
    OtherRequest,
    /// A request with this key is being carried out.
    InProgress,
    /// It could not be recorded, so that it was not made.
    Unrecorded(Failure),
    /// The database could not be asked, or did not do it.
    Failed {
        /// Why.
        failure: Failure,
        /// Whether it may be tried once more: its connection broke after it was there.
        again: bool,
    },
}

impl NotMade {
    /// The problem that a caller gets for it.
    pub fn problem(&self, statement: Statement, max_rows: u64) -> Problem {
        match self {
            Self::OtherRequest => Problem::new(Code::IdempotencyKeyReused),
            Self::InProgress => Problem::new(Code::RequestInProgress).retry_after_s(1),
            Self::Failed { failure: Failure::OutcomeUnknown, .. } => {
                Problem::new(Code::OutcomeUnknown).detail(
                    "The change was sent, and whether it was made is not known. Send it again with \
                     the same Idempotency-Key: it is made once.",
                )
            }
            Self::Failed { failure, .. } => problem(failure, statement, max_rows),
            Self::Unrecorded(_) => Problem::new(Code::AuditUnavailable),
        }
    }

    /// What the log says of it that the caller is not told.
    pub fn log_reason(&self) -> Option<&str> {
        match self {
            Self::Failed { failure, .. } | Self::Unrecorded(failure) => log_reason(failure),
            Self::OtherRequest | Self::InProgress => None,
        }
    }
}

impl From<Failure> for NotMade {
    fn from(failure: Failure) -> Self {
        Self::Failed { failure, again: false }
    }
}

impl Once {
    /// A request of `caller` to the service of that name, under `key`. What it asks is told by
    /// [`Once::asks`].
    pub fn new(service: &str, caller: &Caller, key: &str) -> Self {
        let mut scope = Sha256::new();
        for part in ["1", service, &account(caller), key] {
            say(&mut scope, part.as_bytes());
        }
        Self { key: scope.finalize().into(), request: Sha256::new() }
    }

    /// Says a part of what is asked.
    pub fn asks(&mut self, part: &[u8]) {
        say(&mut self.request, part);
    }

    /// Says one of the arguments.
    pub fn asks_with(&mut self, argument: &Argument) {
        say_argument(&mut self.request, argument);
    }

    /// Keeps the first answer, to a request of this digest, in the transaction that has the key.
    pub(super) async fn keep(
        &self,
        job: &mut Exclusive,
        answer: &Kept,
        request: &[u8; 32],
    ) -> Result<(), Failure> {
        answer.keep(job, &self.key, request).await
    }

    /// The digest of what was said so far, to be continued with the bytes of a body.
    pub(super) fn request(&self) -> Sha256 {
        self.request.clone()
    }
}

/// Who the caller is among those who may use a key. Whose token has no subject is told by all that it
/// says.
fn account(caller: &Caller) -> String {
    match caller {
        Caller::Token(token) if token.subject.is_none() => {
            format!("claims {} {}", token.issuer, token.claims.to_json())
        }
        caller => caller.account().unwrap_or_default(),
    }
}

/// Each part with its length, so that no two lists of parts look alike.
fn say(digest: &mut Sha256, part: &[u8]) {
    digest.update((part.len() as u64).to_be_bytes());
    digest.update(part);
}

/// An argument, so that no two lists of arguments look alike.
pub(super) fn say_argument(digest: &mut Sha256, argument: &Argument) {
    let (kind, bytes): (&[u8], &[u8]) = match argument {
        Argument::Null => (b"n", b""),
        Argument::Text(bytes) => (b"t", bytes),
        Argument::Binary(bytes) => (b"b", bytes),
    };
    say(digest, kind);
    say(digest, bytes);
}

/// What is known of a key.
pub(super) enum Claim {
    /// It is this transaction's.
    Ours,
    /// Its write was made.
    Known(kept::Known),
}

impl Serving {
    /// Carries a write out, once; of an audited endpoint, with its record.
    ///
    /// # Errors
    /// Why it was not.
    pub async fn once(
        &self,
        permit: Permit,
        (endpoint, medium): (&Endpoint, Medium),
        arguments: &[Argument],
        once: &Once,
        record: Option<&Record>,
    ) -> Result<Outcome, NotMade> {
        let (lane, patience) = self.exclusive(&endpoint.lane).ok_or(Failure::Unavailable)?;
        let deadline = Instant::now() + endpoint.definition.delivery.within(patience.each);
        let mut job = lane.exclusive(permit, deadline).await?;
        let made = async {
            if let Claim::Known(known) = self.claim(&mut job, once).await? {
                let outcome = known.answer(&once.request.clone().finalize())?;
                self.keep_record(&mut job, record, &outcome).await?;
                return Ok(outcome);
            }
            job.assume()?;
            let kept = self.make(&mut job, endpoint, arguments, medium).await?;
            job.resign().await?;
            once.keep(&mut job, &kept, &once.request.clone().finalize().into()).await?;
            let outcome = Outcome::Made(kept);
            self.keep_record(&mut job, record, &outcome).await?;
            job.commit().await?;
            Ok(outcome)
        };
        let made: Result<_, NotMade> = made.await;
        drop(job);
        if let (Err(not_made), Some(record)) = (&made, record) {
            let code = not_made.problem(Statement::Write, endpoint.max_rows()).code();
            self.record_not_made(&endpoint.lane, record, not_made, code).await?;
        }
        made.map_err(|not_made| match not_made {
            NotMade::Failed { failure, .. } => {
                let again = broke(&failure) && Instant::now() < deadline;
                NotMade::Failed { failure, again }
            }
            other => other,
        })
    }

    async fn make(
        &self,
        job: &mut Exclusive,
        endpoint: &Endpoint,
        arguments: &[Argument],
        medium: Medium,
    ) -> Result<Kept, Failure> {
        let config = &self.service.config;
        let most = config.idempotency.answer.min(config.limits.response);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let encoder = endpoint.layouts.encoder(medium);
        let mut sink = AnswerSink::new(encoder, endpoint.max_rows(), most);
        let rows = job.run(&endpoint.statement, &endpoint.bind(arguments), &mut sink).await?;
        if endpoint.answers_nothing() {
            return Ok(Kept::nothing(204));
        }
        if endpoint.wants_a_row() && rows == 0 {
            return Ok(Kept::nothing(404));
        }
        let body = sink.finish().map_err(|_| Failure::Stopped(Stop::Malformed))?;
        let media_type = medium.content_type().to_owned();
        Ok(Kept { status: 200, media_type, rows, body })
    }

    /// Begins a transaction that has the key for itself, or tells what is known of the key.
    pub(super) async fn claim(&self, job: &mut Exclusive, once: &Once) -> Result<Claim, NotMade> {
        let settings = &self.service.config.idempotency;
        let sql = kept::claim(&once.key, settings.wait, settings.keep);
        match job.begin_apart(&sql).await {
            Ok(0) => match kept::find(job, &once.key).await? {
                Some(known) => Ok(Claim::Known(known)),
                // It was too old a moment ago, or was put away.
                None => Err(NotMade::InProgress),
            },
            Ok(_) => {
                job.execute("SET LOCAL lock_timeout TO DEFAULT").await?;
                Ok(Claim::Ours)
            }
            // lock_not_available: the other one takes longer than this one waits. In a database whose
            // transactions are serializable, one that has just ended is a collision.
            Err(Failure::Refused(it)) if ["55P03", "40001"].contains(&it.sqlstate.as_str()) => {
                Err(NotMade::InProgress)
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Whether the connection is gone. What was not committed was not made; what may have been, the key
/// will tell.
fn broke(failure: &Failure) -> bool {
    match failure {
        Failure::Unavailable | Failure::OutcomeUnknown => true,
        Failure::Refused(refusal) => refusal.ends_session(),
        _ => false,
    }
}

/// How often what is too old is put away, for answers that are kept so long.
pub(super) fn tidying_period(keep: Duration) -> Duration {
    (keep / 4).clamp(Duration::from_secs(1), Duration::from_mins(10))
}

#[cfg(test)]
mod tests;
