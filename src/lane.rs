//! A lane: a set of connections bound to one role, with a bounded queue and a deadline.
//!
//! Owns how requests share connections. Reads are pipelined: many are in flight on each connection,
//! each a span of messages with its own Sync. A write takes a connection for itself, and so does a job
//! of more than one answer (`exclusive`). A lane lives
//! on one thread and shares nothing with the lanes of other threads. Does not own what a statement
//! means or how its rows are written; a [`RowSink`] takes them as they arrive.
//!
//! What a caller can rely on:
//! - A read is answered once, although it may be sent again when its connection breaks.
//! - A write runs at most once; when its connection breaks in between, the outcome is unknown.
//! - A statement runs only where its columns are those that it was typed with, or, for a read, its
//!   rows are thrown away.
//! - A statement runs as whom its permit says, and nothing of that is left for the next.
//! - A caller that goes away, or whose deadline passes, cancels its statement in the server.

mod backoff;
mod call;
mod connection;
mod delay;
mod driver;
mod exclusive;
mod flight;
mod link;
mod load;
mod pool;
mod queue;
mod reply;
mod rescue;
mod ticket;
mod times;
mod withdrawal;

pub use call::{Call, Done, Failure, RowSink, Stop};
pub use exclusive::{CopyIn, CopyOut, Exclusive, Progress};

use crate::{access::Permit, event::Observer, postgres::Target};
use exclusive::Exclusives;
use pool::Pool;
use std::{rc::Rc, sync::Arc, time::Duration};
use ticket::{Guard, News, Ticket};
use tokio::time::{Instant, timeout_at};

/// How long a write whose deadline has passed waits for the server to say what became of it.
const VERDICT: Duration = Duration::from_millis(500);

/// What a lane is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The lane's name, for events.
    pub name: String,
    /// Whether statements may write: then each takes a connection for itself, and none runs twice.
    pub writes: bool,
    /// Connections on this thread.
    pub connections: usize,
    /// Requests that may wait on this thread.
    pub queue: usize,
    /// How long requests may wait when the queue does not empty; `None` for their deadlines alone.
    pub queue_delay: Option<Duration>,
    /// How long a request waits for two others that ask the same, and run, before it goes by itself; longer
    /// where the statement takes longer.
    pub alike_wait: Duration,
    /// How long the server lets one statement run.
    pub statement_timeout: Duration,
    /// How long a request waits for a database that is away.
    pub park: Duration,
    /// Connections on this thread for jobs that need one each; opened when they are needed.
    pub exclusive: usize,
    /// How long the server lets a statement of such a job run, also while nobody reads its rows.
    pub exclusive_timeout: Duration,
}

/// What a connection of a lane is told when it is opened. A pooler in transaction mode takes none of it:
/// there each transaction says what it needs.
fn session_settings<'t>(
    target: &Target,
    timeout_ms: &'t str,
    writes: bool,
) -> Vec<(&'static str, &'t str)> {
    if target.is_pooled() {
        return Vec::new();
    }
    let mut settings = vec![
        ("statement_timeout", timeout_ms),
        // Nobody reads notices.
        ("client_min_messages", "error"),
        // A session whose service was cut off is over within 14 s, and its place free: by itself the server
        // would find out after two hours.
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "3"),
        ("tcp_keepalives_count", "3"),
    ];
    if !writes {
        settings.push(("default_transaction_read_only", "on"));
    }
    settings
}

/// How it stands with a lane on this thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneState {
    /// The lane's name.
    pub lane: String,
    /// Connections that it should have.
    pub connections: usize,
    /// Connections that are open.
    pub connected: usize,
    /// Statements that were sent and have not ended.
    pub in_flight: usize,
    /// Requests that wait to be sent.
    pub waiting: usize,
}

impl LaneState {
    /// Counts the same lane on another thread in.
    pub fn add(&mut self, other: &Self) {
        self.connections += other.connections;
        self.connected += other.connected;
        self.in_flight += other.in_flight;
        self.waiting += other.waiting;
    }
}

/// A lane on this thread. Dropping it closes its connections.
pub struct Lane<S: RowSink> {
    pool: Rc<Pool<S>>,
    exclusives: Exclusives,
}

impl<S: RowSink + 'static> Lane<S> {
    /// Opens a lane: its connections are made, and made again when they break, by tasks of their
    /// own on this thread's `LocalSet`.
    pub fn open(settings: Settings, target: Arc<Target>, observer: Observer) -> Self {
        let exclusives = Exclusives::new(&settings, &target, &observer);
        let pool = Rc::new(Pool::new(settings, target, observer));
        for index in 0..pool.connections.len() {
            tokio::task::spawn_local(driver::drive(Rc::clone(&pool), index));
        }
        if !pool.settings.writes && pool.connections.len() > 1 {
            tokio::task::spawn_local(rescue::look_out(Rc::clone(&pool)));
        }
        Self { pool, exclusives }
    }

    /// Whether a connection is open now.
    pub fn is_connected(&self) -> bool {
        self.pool.is_connected()
    }

    /// How it stands with the lane.
    pub fn state(&self) -> LaneState {
        self.pool.state()
    }

    /// Takes a connection that one job has for itself, which takes a permit: for a stream, a bulk load,
    /// or a transaction of several statements. Waits for one, and for a database that is away, by
    /// `deadline`, by which everything that the job does must end, unless it is moved.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn exclusive(&self, permit: Permit, deadline: Instant) -> Result<Exclusive, Failure> {
        self.exclusives.take(permit, deadline).await
    }

    /// Runs one statement, which takes a permit, as whom the permit says.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn run(&self, permit: Permit, mut call: Call<S>) -> Result<Done<S>, Failure> {
        call.identity = permit.into_identity();
        if call.identity.is_some() && call.statement.calls() {
            return Err(Failure::of_a_call());
        }
        let (deadline, parks) = (call.deadline, call.parks);
        let admitted = Instant::now();
        let ticket = Ticket::new();
        self.pool.admit(call, &ticket)?;
        let guard = Guard::new(&self.pool, &ticket);
        loop {
            // What waits for a database that is away waits for less long than what waits its turn.
            let parked_until = ticket.is_waiting().then(|| self.pool.parks_until(admitted, parks));
            let until = parked_until.flatten().unwrap_or(deadline).min(deadline);
            match timeout_at(until, ticket.news()).await {
                Ok(News::Outcome(outcome)) => {
                    guard.disarm();
                    return outcome;
                }
                Err(_) if Instant::now() >= deadline => return self.late(&ticket, &guard).await,
                Err(_) if ticket.is_waiting() && !self.pool.is_connected() => {
                    return Err(Failure::Unavailable);
                }
                Ok(News::Moved) | Err(_) => {}
            }
        }
    }

    /// What to say when the deadline has passed. The guard withdraws the call: from the queue, or by
    /// a cancel request.
    async fn late(&self, ticket: &Ticket<S>, guard: &Guard<'_, S>) -> Result<Done<S>, Failure> {
        if ticket.is_waiting() {
            return Err(if self.pool.is_connected() {
                Failure::QueuedTooLong
            } else {
                Failure::Unavailable
            });
        }
        if !self.pool.settings.writes {
            return Err(Failure::Deadline);
        }
        // A write may have been made, so it is worth a moment to ask.
        guard.withdraw();
        let until = Instant::now() + VERDICT;
        loop {
            match timeout_at(until, ticket.news()).await {
                Ok(News::Outcome(outcome)) => {
                    guard.disarm();
                    return match outcome {
                        Err(Failure::Refused(it)) if it.sqlstate == "57014" => {
                            Err(Failure::Deadline)
                        }
                        outcome => outcome,
                    };
                }
                Ok(News::Moved) if ticket.is_waiting() => return Err(Failure::Deadline),
                Ok(News::Moved) => {}
                Err(_) => return Err(Failure::OutcomeUnknown),
            }
        }
    }
}

impl<S: RowSink> Drop for Lane<S> {
    fn drop(&mut self) {
        self.pool.close();
        self.exclusives.close();
    }
}
