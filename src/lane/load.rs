//! A load: a call on its way, with everybody who waits for its answer.
//!
//! Owns who takes part in it and which flight may write its rows. A load is in the queue, or in one
//! flight, or (rescued) in two; the first flight that brings an answer has it, and the other is for
//! nothing. Does not own when it is sent (`pool`).

use super::{Done, Failure, RowSink, Stop, call::Call, connection::FlightId, ticket::Ticket};
use crate::postgres::statement::Prepared;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};
use tokio::time::Instant;

/// A call with the tickets of its callers.
pub(super) struct Load<S> {
    /// The call's statement.
    pub(super) statement: Arc<Prepared>,
    /// The call, until it is over.
    call: RefCell<Option<Call<S>>>,
    first: RefCell<Rc<Ticket<S>>>,
    others: RefCell<Vec<Rc<Ticket<S>>>>,
    /// What others find it by who ask the same.
    pub(super) key: Cell<Option<u64>>,
    /// The same, while it is among those in flight that the queue counts.
    pub(super) flying: Cell<Option<u64>>,
    /// In how many flights it is.
    flights: Cell<u8>,
    /// The flight whose rows it takes.
    runner: Cell<Option<FlightId>>,
    rows: Cell<u64>,
    fault: RefCell<Option<Failure>>,
    waits_since: Cell<Instant>,
    /// When a connection last broke with it, but for those that broke along with another.
    lost_at: Cell<Option<Instant>>,
}

impl<S: RowSink> Load<S> {
    pub(super) fn new(call: Call<S>, ticket: &Rc<Ticket<S>>) -> Rc<Self> {
        Rc::new(Self {
            statement: Arc::clone(&call.statement),
            call: RefCell::new(Some(call)),
            first: RefCell::new(Rc::clone(ticket)),
            others: RefCell::default(),
            key: Cell::new(None),
            flying: Cell::new(None),
            flights: Cell::new(0),
            runner: Cell::new(None),
            rows: Cell::new(0),
            fault: RefCell::new(None),
            waits_since: Cell::new(Instant::now()),
            lost_at: Cell::new(None),
        })
    }

    /// Looks at the call; `None` when it is over.
    pub(super) fn with_call<T>(&self, look: impl FnOnce(&mut Call<S>) -> T) -> Option<T> {
        self.call.borrow_mut().as_mut().map(look)
    }

    fn each(&self, mut act: impl FnMut(&Ticket<S>)) {
        act(&self.first.borrow());
        self.others.borrow().iter().for_each(|ticket| act(ticket));
    }

    fn all(&self, is: impl Fn(&Ticket<S>) -> bool) -> bool {
        is(&self.first.borrow()) && self.others.borrow().iter().all(|ticket| is(ticket))
    }

    /// One more waits for the same answer.
    pub(super) fn join(&self, ticket: &Rc<Ticket<S>>) {
        self.others.borrow_mut().push(Rc::clone(ticket));
    }

    /// Whether `ticket` is one of those who wait for it.
    pub(super) fn has(&self, ticket: &Rc<Ticket<S>>) -> bool {
        Rc::ptr_eq(&self.first.borrow(), ticket)
            || self.others.borrow().iter().any(|it| Rc::ptr_eq(it, ticket))
    }

    /// Somebody who waits for it has gone. Says whether nobody is left.
    pub(super) fn leave(&self, ticket: &Rc<Ticket<S>>) -> bool {
        let mut others = self.others.borrow_mut();
        if !Rc::ptr_eq(&self.first.borrow(), ticket) {
            others.retain(|it| !Rc::ptr_eq(it, ticket));
            return false;
        }
        let Some(next) = others.pop() else { return true };
        self.first.replace(next);
        false
    }

    /// Whether nobody wants it any more.
    pub(super) fn is_unwanted(&self) -> bool {
        self.all(Ticket::is_unwanted)
    }

    /// Whether nobody looks at its outcome any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.all(Ticket::is_abandoned)
    }

    /// Lets its callers look again for how long to wait.
    pub(super) fn nudge(&self) {
        self.each(Ticket::nudge);
    }

    /// It is in one more flight, on connection `index`.
    pub(super) fn flies_on(&self, index: usize) {
        self.flights.set(self.flights.get() + 1);
        self.each(|ticket| ticket.flies_on(index));
    }

    /// One of its flights has ended.
    pub(super) fn lands(&self) {
        self.flights.set(self.flights.get().saturating_sub(1));
    }

    /// In how many flights it is.
    pub(super) fn flights(&self) -> u8 {
        self.flights.get()
    }

    /// Whether it has its outcome.
    pub(super) fn is_over(&self) -> bool {
        self.call.borrow().is_none()
    }

    /// Whether some flight has begun to bring its answer, or it is over.
    pub(super) fn is_claimed(&self) -> bool {
        self.runner.get().is_some() || self.is_over()
    }

    /// Whether the answer is this flight's to bring: the first that asks has it.
    pub(super) fn claim(&self, flight: FlightId) -> bool {
        if self.runner.get().is_none() && self.call.borrow().is_some() {
            self.runner.set(Some(flight));
        }
        self.is_run_by(flight)
    }

    /// Whether the answer comes from elsewhere, or has come.
    pub(super) fn is_elsewhere(&self, flight: FlightId) -> bool {
        self.is_claimed() && !self.is_run_by(flight)
    }

    fn is_run_by(&self, flight: FlightId) -> bool {
        self.runner.get() == Some(flight) && self.call.borrow().is_some()
    }

    /// A row that `flight` brings. Says whether more are of use.
    pub(super) fn row(&self, flight: FlightId, data_row: &[u8]) -> bool {
        if !self.is_run_by(flight) || self.fault.borrow().is_some() {
            return false;
        }
        if let Some(Err(stop)) = self.with_call(|call| call.sink.row(data_row)) {
            self.fault.replace(Some(Failure::Stopped(stop)));
            return false;
        }
        self.rows.set(self.rows.get() + 1);
        true
    }

    /// Why its rows are worth nothing, when they are.
    pub(super) fn fault(&self) -> Option<Failure> {
        self.fault.borrow().clone()
    }

    /// Its rows are worth nothing.
    pub(super) fn set_fault(&self, fault: Failure) {
        self.fault.replace(Some(fault));
    }

    /// It is to be sent once more: nothing that came counts.
    pub(super) fn restart(&self) {
        self.with_call(|call| call.sink.restart());
        self.rows.set(0);
        self.fault.take();
        self.runner.set(None);
    }

    /// A connection that was up since `since` broke with it. Says whether that is news: one that was up
    /// before the last one broke most likely broke for the same reason, and was found broken later.
    pub(super) fn is_lost_anew(&self, since: Instant) -> bool {
        let anew = self.lost_at.get().is_none_or(|lost| since > lost);
        if anew {
            self.lost_at.set(Some(Instant::now()));
        }
        anew
    }

    /// Since when it waits in the queue.
    pub(super) fn waits_since(&self) -> Instant {
        self.waits_since.get()
    }

    /// It waits in the queue again.
    pub(super) fn waits_again(&self) {
        self.waits_since.set(Instant::now());
        self.each(Ticket::waits_again);
    }

    /// It is over: everybody who waits for it is told.
    pub(super) fn fail(&self, failure: &Failure) {
        self.call.take();
        self.each(|ticket| ticket.finish(Err(failure.clone())));
    }

    /// It is over, and all of its rows came.
    pub(super) fn succeed(&self) {
        let Some(mut call) = self.call.take() else { return };
        let rows = self.rows.get();
        for ticket in self.others.take() {
            if ticket.is_abandoned() {
                continue;
            }
            let outcome = call.sink.share().ok_or(Failure::Stopped(Stop::Malformed));
            ticket.finish(outcome.map(|sink| Done { sink, rows }));
        }
        self.first.borrow().finish(Ok(Done { sink: call.sink, rows }));
    }
}
