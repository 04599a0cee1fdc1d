//! The ticket that a caller waits on while its call is on its way.

use super::{Done, Failure, RowSink, pool::Pool};
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

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
    /// Whether the statement should be stopped.
    unwanted: Cell<bool>,
    /// Whether nobody looks at the outcome any more.
    abandoned: Cell<bool>,
    /// Whether the call waits under other conditions than when its caller last looked.
    moved: Cell<bool>,
    outcome: RefCell<Option<Result<Done<S>, Failure>>>,
    waker: RefCell<Option<Waker>>,
}

/// What a caller is woken for.
pub(super) enum News<S> {
    /// The call is over.
    Outcome(Result<Done<S>, Failure>),
    /// It waits again, or the database went away while it waits.
    Moved,
}

impl<S> Ticket<S> {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            place: Cell::new(Place::Waiting),
            unwanted: Cell::new(false),
            abandoned: Cell::new(false),
            moved: Cell::new(false),
            outcome: RefCell::new(None),
            waker: RefCell::new(None),
        })
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.place.get() == Place::Waiting
    }

    /// Whether the statement should be stopped.
    pub(super) fn is_unwanted(&self) -> bool {
        self.unwanted.get()
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
        self.nudge();
    }

    /// Lets the caller look again for how long to wait.
    pub(super) fn nudge(&self) {
        self.moved.set(true);
        self.wake();
    }

    pub(super) fn finish(&self, outcome: Result<Done<S>, Failure>) {
        self.place.set(Place::Finished);
        self.outcome.replace(Some(outcome));
        self.wake();
    }

    fn wake(&self) {
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for something new.
    pub(super) async fn news(&self) -> News<S> {
        poll_fn(|context| {
            if let Some(outcome) = self.outcome.take() {
                return Poll::Ready(News::Outcome(outcome));
            }
            if self.moved.take() {
                return Poll::Ready(News::Moved);
            }
            let waker = self.waker.take().filter(|known| known.will_wake(context.waker()));
            self.waker.replace(Some(waker.unwrap_or_else(|| context.waker().clone())));
            Poll::Pending
        })
        .await
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

    /// Has the statement stopped, and goes on waiting for what becomes of it.
    pub(super) fn withdraw(&self) {
        self.ticket.unwanted.set(true);
        if let Place::Flying { connection } = self.ticket.place.get() {
            self.pool.connections[connection].wake();
        }
    }
}

impl<S: RowSink> Drop for Guard<'_, S> {
    fn drop(&mut self) {
        match self.ticket.place.get() {
            Place::Finished => {}
            Place::Waiting => self.pool.forget_waiting(&self.ticket),
            Place::Flying { .. } => {
                self.ticket.abandoned.set(true);
                self.withdraw();
            }
        }
    }
}
