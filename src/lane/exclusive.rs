//! Connections that one job has for itself: streams, bulk loads, transactions of several statements.
//!
//! Owns who has which connection, how many there are, and what becomes of one that comes back. A
//! stream that nobody reads would stall all that share its connection, so none is shared: what a job
//! does not read stays in the socket, and TCP holds the server back. Does not own what a job says
//! (`job`, `copy`) nor the bytes (`socket`).
//!
//! Connections are opened when they are first needed and closed when nobody has needed them for a
//! while. One that comes back in the middle of something is cleaned behind its job's back, or closed.

mod copy;
mod identity;
mod job;
mod release;
mod rows;
mod socket;

pub use copy::{CopyIn, CopyOut};
pub use job::Exclusive;
pub use rows::Progress;

use super::{Failure, Settings, backoff::Backoff, session_settings};
use crate::{
    access::Permit,
    event::{Event, Observer},
    postgres::{Target, preamble::Preamble, wire},
};
use socket::Socket;
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout_at},
};

/// How long a connection stays open that nobody needs.
const IDLE: Duration = Duration::from_secs(30);

/// The exclusive connections of a lane on this thread.
#[derive(Clone)]
pub(super) struct Exclusives(Rc<Shared>);

/// What the lane and the jobs share; it lives as long as the longest of them.
struct Shared {
    settings: Settings,
    target: Arc<Target>,
    /// What each transaction begins with behind a pooler in transaction mode.
    preamble: Option<Preamble>,
    observer: Observer,
    /// A place for each connection that may be open.
    places: Arc<Semaphore>,
    waiting: Cell<usize>,
    /// Open connections that nobody has, the one that came back last at the end.
    idle: RefCell<Vec<(Socket, Instant)>>,
    /// Whether a task looks for connections that have been idle for too long.
    sweeping: Cell<bool>,
    closed: Cell<bool>,
}

/// Counts one that waits.
struct Waits<'s>(&'s Cell<usize>);

impl<'s> Waits<'s> {
    fn new(count: &'s Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Exclusives {
    pub(super) fn new(settings: &Settings, target: &Arc<Target>, observer: &Observer) -> Self {
        Self(Rc::new(Shared {
            settings: settings.clone(),
            target: Arc::clone(target),
            preamble: target
                .is_pooled()
                .then(|| Preamble::new(settings.exclusive_timeout, settings.writes)),
            observer: Arc::clone(observer),
            places: Arc::new(Semaphore::new(settings.exclusive.max(1))),
            waiting: Cell::new(0),
            idle: RefCell::default(),
            sweeping: Cell::new(false),
            closed: Cell::new(false),
        }))
    }

    /// Takes a connection for one job, by `deadline`.
    pub(super) async fn take(
        &self,
        permit: Permit,
        deadline: Instant,
    ) -> Result<Exclusive, Failure> {
        let shared = &self.0;
        let identity = permit.into_identity();
        if shared.closed.get() {
            return Err(Failure::Closing);
        }
        let place = shared.place(deadline).await?;
        while let Some(mut socket) = shared.pop_idle() {
            // What was told while nobody listened: at worst, that the server hung up. The runtime
            // looks at its sockets between tasks, so it must have had its turn.
            tokio::task::yield_now().await;
            if poll_fn(|context| Poll::Ready(socket.is_alive(context))).await {
                return Ok(Exclusive::new(socket, Rc::clone(shared), place, deadline, identity));
            }
        }
        let socket = shared.connect(deadline).await?;
        Ok(Exclusive::new(socket, Rc::clone(shared), place, deadline, identity))
    }

    pub(super) fn close(&self) {
        self.0.closed.set(true);
        for (socket, _) in self.0.idle.take() {
            tokio::task::spawn_local(socket.say_goodbye());
        }
    }
}

impl Shared {
    /// A place among those that have a connection.
    async fn place(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Failure> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        if self.waiting.get() >= self.settings.queue {
            return Err(Failure::QueueFull);
        }
        let _waits = Waits::new(&self.waiting);
        match timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(Failure::Closing),
            Err(_) => Err(Failure::QueuedTooLong),
        }
    }

    fn pop_idle(&self) -> Option<Socket> {
        self.idle.borrow_mut().pop().map(|(socket, _)| socket)
    }

    /// Opens a connection; while the database is away, tries until the lane's patience is at its end.
    async fn connect(&self, deadline: Instant) -> Result<Socket, Failure> {
        let until = deadline.min(Instant::now() + self.settings.park);
        let timeout = self.settings.exclusive_timeout.as_millis().to_string();
        let session = session_settings(&self.target, &timeout, self.settings.writes);
        let mut backoff = Backoff::default();
        loop {
            let error = match timeout_at(deadline, wire::connect(&self.target, &session)).await {
                Ok(Ok(wire)) => {
                    (self.observer)(&Event::Connected { lane: &self.settings.name });
                    return Ok(Socket::new(wire));
                }
                Ok(Err(error)) => error,
                Err(_) => return Err(Failure::Unavailable),
            };
            let retry_in = if error.is_denial() { backoff.denied() } else { backoff.next() };
            let (lane, reason) = (&self.settings.name, error.to_string());
            (self.observer)(&Event::Disconnected { lane, reason: &reason, retry_in });
            if Instant::now() + retry_in >= until {
                return Err(Failure::Unavailable);
            }
            sleep(retry_in).await;
        }
    }

    /// Keeps a connection that a job is done with, for the next one.
    fn keep(self: &Rc<Self>, socket: Socket) {
        if self.closed.get() {
            tokio::task::spawn_local(socket.say_goodbye());
            return;
        }
        self.idle.borrow_mut().push((socket, Instant::now()));
        if !self.sweeping.replace(true) {
            tokio::task::spawn_local(sweep(Rc::downgrade(self)));
        }
    }
}

/// Closes what has been idle for too long, until nothing is idle.
async fn sweep(shared: std::rc::Weak<Shared>) {
    loop {
        sleep(IDLE / 2).await;
        let Some(shared) = shared.upgrade() else { return };
        let mut idle = shared.idle.borrow_mut();
        let fresh = idle.partition_point(|(_, since)| since.elapsed() > IDLE);
        for (socket, _) in idle.drain(..fresh) {
            tokio::task::spawn_local(socket.say_goodbye());
        }
        if idle.is_empty() {
            shared.sweeping.set(false);
            return;
        }
    }
}
