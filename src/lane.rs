//! A lane: a set of connections bound to one role, with a bounded queue and a deadline.
//!
//! Owns how requests share connections. Reads are pipelined: many are in flight on each connection,
//! each a span of messages with its own Sync. A write takes a connection for itself. A lane lives
//! on one thread and shares nothing with the lanes of other threads. Does not own what a statement
//! means or how its rows are written; a [`RowSink`] takes them as they arrive.
//!
//! What a caller can rely on:
//! - A read is answered once, although it may be sent again when its connection breaks.
//! - A write is sent at most once; when its connection breaks in between, the outcome is unknown.
//! - A caller that goes away, or whose deadline passes, cancels its statement in the server.

mod backoff;
mod call;
mod connection;
mod driver;
mod pool;
mod reply;

pub use call::{Call, Done, Failure, RowSink, Stop};

use crate::{access::Permit, event::Observer, postgres::Target};
use call::{Guard, Ticket};
use pool::Pool;
use std::{future::poll_fn, rc::Rc, sync::Arc, task::Poll, time::Duration};
use tokio::time::Instant;

/// What a lane is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The lane's name, for events.
    pub name: String,
    /// Whether statements may write: then each takes a connection for itself, and none is sent twice.
    pub writes: bool,
    /// Connections on this thread.
    pub connections: usize,
    /// Requests that may wait on this thread.
    pub queue: usize,
    /// How long the server lets one statement run.
    pub statement_timeout: Duration,
    /// How long a request waits for a database that is away.
    pub park: Duration,
}

/// A lane on this thread. Dropping it lets what is in flight finish, then closes its connections.
pub struct Lane<S: RowSink> {
    pool: Rc<Pool<S>>,
}

impl<S: RowSink + 'static> Lane<S> {
    /// Opens a lane: its connections are made, and made again when they break, by tasks of their
    /// own on this thread's `LocalSet`.
    pub fn open(settings: Settings, target: Arc<Target>, observer: Observer) -> Self {
        let pool = Rc::new(Pool::new(settings, target, observer));
        for index in 0..pool.connections.len() {
            tokio::task::spawn_local(driver::drive(Rc::clone(&pool), index));
        }
        Self { pool }
    }

    /// Whether a connection is open now.
    pub fn is_connected(&self) -> bool {
        self.pool.is_connected()
    }

    /// Runs one statement, which takes a permit.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn run(&self, _permit: Permit, call: Call<S>) -> Result<Done<S>, Failure> {
        let deadline = call.deadline;
        let parks = call.parks;
        let ticket = Ticket::new();
        self.pool.admit(call, &ticket)?;
        let guard = Guard::new(&self.pool, &ticket);
        if parks && !self.pool.is_connected() {
            let parked_until = (Instant::now() + self.pool.settings.park).min(deadline);
            if let Ok(outcome) = tokio::time::timeout_at(parked_until, answer(&ticket)).await {
                guard.disarm();
                return outcome;
            }
            if ticket.is_waiting() && !self.pool.is_connected() {
                return Err(Failure::Unavailable);
            }
        }
        if let Ok(outcome) = tokio::time::timeout_at(deadline, answer(&ticket)).await {
            guard.disarm();
            return outcome;
        }
        // The guard withdraws the call: from the queue, or by a cancel request.
        Err(if ticket.is_waiting() { Failure::QueuedTooLong } else { Failure::Deadline })
    }
}

/// Waits for the ticket's outcome.
async fn answer<S>(ticket: &Ticket<S>) -> Result<Done<S>, Failure> {
    poll_fn(|context| match ticket.take_outcome() {
        Some(outcome) => Poll::Ready(outcome),
        None => {
            ticket.wake_later(context.waker());
            Poll::Pending
        }
    })
    .await
}

impl<S: RowSink> Drop for Lane<S> {
    fn drop(&mut self) {
        self.pool.close();
    }
}
