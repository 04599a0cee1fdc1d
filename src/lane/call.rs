//! A call: one statement on its way through a lane, and the ticket its caller waits on.

use super::pool::Pool;
use crate::{
    postgres::{refusal::Refusal, statement::Prepared},
    value::Argument,
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    task::Waker,
};
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
    /// How often it was sent already.
    pub(super) attempts: u8,
}

impl<S> Call<S> {
    /// A call that has not been sent.
    pub fn new(
        statement: Arc<Prepared>,
        arguments: Vec<Argument>,
        sink: S,
        deadline: Instant,
    ) -> Self {
        Self { statement, arguments, sink, deadline, parks: true, attempts: 0 }
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
    /// As many requests wait as the lane has room for.
    QueueFull,
    /// The deadline passed while it waited for a connection.
    QueuedTooLong,
    /// The deadline passed while it ran.
    Deadline,
    /// PostgreSQL refused it.
    Refused(Refusal),
    /// The connection broke after a write was sent and before its outcome was known.
    OutcomeUnknown,
    /// The statement's columns are not those that it was typed with.
    ShapeChanged,
    /// The sink took no more.
    Stopped(Stop),
    /// The lane is closing.
    Closing,
}

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting,
    Flying { connection: usize },
    Finished,
}

/// What a caller waits on.
pub(super) struct Ticket<S> {
    place: Cell<Place>,
    abandoned: Cell<bool>,
    outcome: RefCell<Option<Result<Done<S>, Failure>>>,
    waker: RefCell<Option<Waker>>,
}

impl<S> Ticket<S> {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            place: Cell::new(Place::Waiting),
            abandoned: Cell::new(false),
            outcome: RefCell::new(None),
            waker: RefCell::new(None),
        })
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.place.get() == Place::Waiting
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.get()
    }

    pub(super) fn flies_on(&self, connection: usize) {
        self.place.set(Place::Flying { connection });
    }

    pub(super) fn waits_again(&self) {
        self.place.set(Place::Waiting);
    }

    pub(super) fn finish(&self, outcome: Result<Done<S>, Failure>) {
        self.place.set(Place::Finished);
        *self.outcome.borrow_mut() = Some(outcome);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    pub(super) fn take_outcome(&self) -> Option<Result<Done<S>, Failure>> {
        self.outcome.borrow_mut().take()
    }

    pub(super) fn wake_later(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }
}

/// Withdraws a call whose caller is gone: it stands in the caller's future, so that dropping the
/// future is enough.
pub(super) struct Guard<'p, S: RowSink> {
    pool: &'p Pool<S>,
    ticket: Rc<Ticket<S>>,
}

impl<'p, S: RowSink> Guard<'p, S> {
    pub(super) fn new(pool: &'p Pool<S>, ticket: &Rc<Ticket<S>>) -> Self {
        Self { pool, ticket: Rc::clone(ticket) }
    }

    /// The answer came.
    pub(super) fn disarm(&self) {
        self.ticket.place.set(Place::Finished);
    }
}

impl<S: RowSink> Drop for Guard<'_, S> {
    fn drop(&mut self) {
        match self.ticket.place.get() {
            Place::Finished => {}
            Place::Waiting => {
                self.ticket.abandoned.set(true);
                self.pool.forget_waiting(&self.ticket);
            }
            Place::Flying { connection } => {
                self.ticket.abandoned.set(true);
                self.pool.connections[connection].cancel_if_unwanted();
            }
        }
    }
}
