//! A call: one statement on its way through a lane, and what can become of it.

use crate::{
    access::Identity,
    postgres::{refusal::Refusal, statement::Prepared},
    value::Argument,
};
use std::sync::Arc;
use tokio::time::Instant;

/// Takes the rows of one call as they arrive.
pub trait RowSink {
    /// One row: the body of a `DataRow` message in binary format.
    ///
    /// # Errors
    /// When the row is not what the statement's columns say, or no more is wanted.
    fn row(&mut self, data_row: &[u8]) -> Result<(), Stop>;

    /// Forgets all rows: the statement is sent once more.
    fn restart(&mut self);

    /// The largest body of a `DataRow`, in bytes, that is worth holding in memory as a whole. A
    /// larger one is passed over and ends the call with [`Stop::TooLarge`].
    fn largest_row(&self) -> usize {
        usize::MAX
    }

    /// What sinks have in common that make the same answer of the same rows; a sink without it
    /// never shares a run with another.
    fn medium(&self) -> Option<usize> {
        None
    }

    /// A sink with the same answer, once all rows are there. Asked only where there is a medium.
    fn share(&mut self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// Why a sink takes no more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A row could not be read.
    Malformed,
    /// The answer has become larger than the service gives.
    TooLarge,
    /// The answer has more rows than the endpoint gives.
    TooMany,
    /// A page ends where no cursor can tell: two rows have the same keys, or keys are too long.
    NoCursor,
}

/// One statement to run.
pub struct Call<S> {
    /// The statement.
    pub statement: Arc<Prepared>,
    /// Its arguments, `$1` first.
    pub arguments: Vec<Argument>,
    /// What takes the rows.
    pub sink: S,
    /// When there must be an answer.
    pub deadline: Instant,
    /// Whether it waits for a database that is away.
    pub parks: bool,
    /// As whom it runs; the permit says so.
    pub(super) identity: Option<Arc<Identity>>,
    /// How often it was sent already.
    pub(super) attempts: u8,
    /// Whether it prepares its statement, whatever its connection is believed to know.
    pub(super) prepares: bool,
    /// Whether it goes alone: a batch that it was in came to nothing.
    pub(super) alone: bool,
}

impl<S> Call<S> {
    /// A call that has not been sent.
    pub fn new(
        statement: Arc<Prepared>,
        arguments: Vec<Argument>,
        sink: S,
        deadline: Instant,
    ) -> Self {
        Self {
            statement,
            arguments,
            sink,
            deadline,
            parks: true,
            identity: None,
            attempts: 0,
            prepares: false,
            alone: false,
        }
    }

    /// The same call, answered at once when the database is away.
    #[must_use]
    pub fn without_parking(mut self) -> Self {
        self.parks = false;
        self
    }
}

/// A statement that ran to its end.
#[derive(Debug)]
pub struct Done<S> {
    /// The sink, with all rows.
    pub sink: S,
    /// Rows that the sink took.
    pub rows: u64,
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The database is away.
    Unavailable,
    /// As many requests wait as the lane has room for, or they wait for too long.
    QueueFull,
    /// The deadline passed while it waited for a connection.
    QueuedTooLong,
    /// The deadline passed while it ran.
    Deadline,
    /// PostgreSQL does not have the role that it should have run as, or does not let the role that
    /// signed in become it.
    Identity(Refusal),
    /// PostgreSQL refused it.
    Refused(Refusal),
    /// A write was sent, and there is no telling whether it was made: its connection broke, its
    /// deadline passed without a word of the server, or it was made and its rows could not be given.
    OutcomeUnknown,
    /// The statement's columns are not those that it was typed with.
    ShapeChanged,
    /// The sink took no more.
    Stopped(Stop),
    /// The lane is closing.
    Closing,
}

impl Failure {
    /// A procedure can commit, and with that it would be the role that signed in: role and claims
    /// last as long as the transaction.
    pub(super) fn of_a_call() -> Self {
        Self::Refused(Refusal {
            // feature_not_supported
            sqlstate: "0A000".into(),
            message: "CALL does not run under a caller's role".into(),
            ..Refusal::default()
        })
    }

    /// What a refusal to set role and claims is. A role that does not exist is 22023, one that may
    /// not be taken 42501 (PostgreSQL's `check_role`).
    pub(super) fn of_identity(refusal: Refusal) -> Self {
        match refusal.sqlstate.as_str() {
            "22023" | "42501" => Self::Identity(refusal),
            _ => Self::Refused(refusal),
        }
    }
}
