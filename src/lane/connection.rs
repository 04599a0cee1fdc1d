//! One connection of a lane: what is in flight on it, and what its backend knows.

use super::{
    RowSink,
    call::{Call, Failure},
    ticket::Ticket,
};
use crate::postgres::{
    message,
    refusal::Refusal,
    wire::{BackendKey, Peer},
};
use bytes::BytesMut;
use std::{cell::RefCell, collections::VecDeque, io, rc::Rc, task::Waker, time::Duration};
use tokio::time::Instant;

/// For how long after a cancel request a cancelled statement may have been the wrong one.
const ECHO: Duration = Duration::from_secs(5);

/// How many statements one cancel request can stop: the server signals the backend, and then the
/// backend's process group, which is the backend once more (PostgreSQL's `signal_child`).
const SIGNALS: u8 = 2;

/// What is known of a statement on a backend. Messages are answered in their order, so what was
/// told and what has been answered are two moments, and an answer is judged by the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Knowledge {
    /// Whether a Parse for it was sent, as far as is known without failing.
    pub(super) told: bool,
    /// What the answers so far say of its shape.
    pub(super) shape: Shape,
}

/// What the backend says of a statement's parameters and columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    #[default]
    Unknown,
    /// Those that it was typed with.
    Same,
    /// Others.
    Changed,
}

/// How far a statement is, as far as its answers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its role and claims have not begun to be set.
    Nobody,
    /// Its role and claims are being set.
    Assuming,
    /// It has not begun to run.
    Sent,
    /// It runs.
    Running,
    /// It ended well; the transaction ends with the span.
    Complete,
}

/// A call in flight.
pub(super) struct Flight<S> {
    pub(super) call: Call<S>,
    pub(super) ticket: Rc<Ticket<S>>,
    /// Its number among all that ever flew on this connection, over its reconnections too.
    number: u64,
    /// Where its span begins in all that was ever written to this connection, in bytes.
    pub(super) begins_at: u64,
    pub(super) span: Span,
    pub(super) stage: Stage,
    /// Whether it runs with a shape that nobody looked at, so that its rows are worth nothing.
    pub(super) unchecked: bool,
    pub(super) rows: u64,
    /// Why its rows are worth nothing, when they are.
    pub(super) fault: Option<Failure>,
    pub(super) refusal: Option<Refusal>,
}

impl<S> Flight<S> {
    /// Whether nothing of it ran because the backend did not know a statement that it should have.
    pub(super) fn was_forgotten(&self) -> bool {
        match self.stage {
            Stage::Nobody => !self.span.introduces,
            Stage::Sent => !self.span.prepares,
            Stage::Assuming | Stage::Running | Stage::Complete => false,
        }
    }

    /// Whether what it still does is for nothing. The end of its transaction is not to be disturbed.
    fn is_unwanted(&self) -> bool {
        self.stage != Stage::Complete && (self.ticket.is_unwanted() || self.fault.is_some())
    }
}

/// What a call's messages are on the connection that they are written to.
#[derive(Clone, Copy)]
pub(super) struct Span {
    /// Whether it prepares the statement that sets role and claims.
    pub(super) introduces: bool,
    /// Whether it prepares the statement.
    pub(super) prepares: bool,
    /// Whether it runs the statement; else it prepares it alone.
    pub(super) runs: bool,
}

impl Span {
    /// Role and claims come before the statement is prepared: its role may be the only one that may
    /// look into its schema.
    fn write<S>(self, call: &Call<S>, out: &mut BytesMut) -> io::Result<()> {
        if self.introduces {
            message::introduce(out)?;
        }
        if let Some(identity) = &call.identity {
            message::assume(identity, out)?;
        }
        if self.prepares {
            message::prepare(&call.statement, out)?;
        }
        if self.runs {
            return message::run(&call.statement, &call.arguments, out);
        }
        message::end(out);
        Ok(())
    }
}

/// A connection's state, which the lane and the connection's task share.
pub(super) struct Connection<S> {
    /// How many calls may be in flight.
    window: usize,
    /// Whether a statement is prepared before it runs, not along with it.
    prepares_first: bool,
    state: RefCell<State<S>>,
}

pub(super) struct State<S> {
    backend: Option<(Peer, BackendKey)>,
    outgoing: BytesMut,
    /// Bytes ever given to `outgoing`.
    appended: u64,
    /// Flights ever begun.
    begun: u64,
    pub(super) flights: VecDeque<Flight<S>>,
    pub(super) statements: Vec<Knowledge>,
    /// Whether the statement that sets role and claims was prepared, as far as is known.
    pub(super) introduced: bool,
    waker: Option<Waker>,
    /// The flight that is being stopped.
    withdrawing: Option<u64>,
    /// The flight whose cancel request is under way; nothing is sent meanwhile.
    held: Option<u64>,
    /// Statements that cancel requests may still stop, and when the last request was sent.
    echoes: u8,
    cancelled_at: Option<Instant>,
    /// Whether the connection is to be replaced.
    given_up: bool,
}

impl<S: RowSink> Connection<S> {
    pub(super) fn new(window: usize, prepares_first: bool) -> Self {
        let state = State {
            backend: None,
            outgoing: BytesMut::new(),
            appended: 0,
            begun: 0,
            flights: VecDeque::new(),
            statements: Vec::new(),
            introduced: false,
            waker: None,
            withdrawing: None,
            held: None,
            echoes: 0,
            cancelled_at: None,
            given_up: false,
        };
        Self { window, prepares_first, state: RefCell::new(state) }
    }

    pub(super) fn is_up(&self) -> bool {
        self.state.borrow().backend.is_some()
    }

    /// Calls in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.state.borrow().flights.len()
    }

    /// Calls in flight, when there is room for one more.
    pub(super) fn load(&self) -> Option<usize> {
        let state = self.state.borrow();
        let load = state.flights.len();
        let takes = state.backend.is_some() && state.held.is_none() && !state.given_up;
        (takes && load < self.window).then_some(load)
    }

    /// Appends the call's span to what is to be written.
    ///
    /// # Errors
    /// Gives the call's ticket back when its messages cannot be built.
    pub(super) fn submit(&self, call: Call<S>, ticket: &Rc<Ticket<S>>) -> io::Result<()> {
        let state = &mut *self.state.borrow_mut();
        let statement = &call.statement;
        if state.statements.len() <= statement.index {
            state.statements.resize(statement.index + 1, Knowledge::default());
        }
        let before = state.outgoing.len();
        let known = state.statements[statement.index];
        let prepares = !known.told || known.shape == Shape::Changed || call.prepares;
        let runs = !(prepares && self.prepares_first);
        let introduces = call.identity.is_some() && (!state.introduced || call.prepares);
        let span = Span { introduces, prepares, runs };
        if let Err(error) = span.write(&call, &mut state.outgoing) {
            state.outgoing.truncate(before);
            return Err(error);
        }
        state.introduced |= introduces;
        if prepares {
            state.statements[statement.index].told = true;
        }
        let begins_at = state.appended;
        state.appended += (state.outgoing.len() - before) as u64;
        state.begun += 1;
        let stage = if call.identity.is_some() { Stage::Nobody } else { Stage::Sent };
        state.flights.push_back(Flight {
            call,
            ticket: Rc::clone(ticket),
            number: state.begun,
            begins_at,
            span,
            stage,
            unchecked: false,
            rows: 0,
            fault: None,
            refusal: None,
        });
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        Ok(())
    }

    pub(super) fn come_up(&self, peer: Peer, key: BackendKey) {
        let state = &mut *self.state.borrow_mut();
        state.backend = Some((peer, key));
        state.outgoing.clear();
        state.appended = 0;
        state.statements.clear();
        state.introduced = false;
        state.withdrawing = None;
        state.held = None;
        state.echoes = 0;
        state.given_up = false;
    }

    /// Marks the connection as gone and gives what was in flight on it.
    pub(super) fn go_down(&self) -> VecDeque<Flight<S>> {
        let state = &mut *self.state.borrow_mut();
        state.backend = None;
        std::mem::take(&mut state.flights)
    }

    /// Exchanges an emptied buffer for the bytes that wait to be written.
    pub(super) fn exchange_outgoing(&self, emptied: &mut BytesMut) {
        std::mem::swap(&mut self.state.borrow_mut().outgoing, emptied);
    }

    /// Whether bytes wait to be written.
    pub(super) fn has_outgoing(&self) -> bool {
        !self.state.borrow().outgoing.is_empty()
    }

    pub(super) fn state(&self) -> std::cell::RefMut<'_, State<S>> {
        self.state.borrow_mut()
    }

    pub(super) fn wake_on_submit(&self, waker: &Waker) {
        let slot = &mut self.state.borrow_mut().waker;
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    pub(super) fn wake(&self) {
        let waker = self.state.borrow_mut().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Stopping statements (`withdrawal` says when).
impl<S: RowSink> Connection<S> {
    /// The flight to stop, when the backend runs one that is not wanted. It is said once.
    pub(super) fn begin_withdrawal(&self) -> Option<u64> {
        let state = &mut *self.state.borrow_mut();
        if state.withdrawing.is_some() || state.held.is_some() {
            return None;
        }
        state.withdrawing = state.flights.front().filter(|it| it.is_unwanted()).map(|it| it.number);
        state.withdrawing
    }

    /// Sends nothing more until [`Connection::release`], when `flight` still has to be stopped.
    /// Gives what the cancel request needs.
    pub(super) fn hold(&self, flight: u64) -> Option<(Peer, BackendKey)> {
        let state = &mut *self.state.borrow_mut();
        if !state.runs_unwanted(flight) {
            return None;
        }
        state.held = Some(flight);
        state.backend.clone()
    }

    /// Whether `flight` still has to be stopped; then a cancel request is counted.
    pub(super) fn will_be_cancelled(&self, flight: u64) -> bool {
        let state = &mut *self.state.borrow_mut();
        if !state.runs_unwanted(flight) {
            return false;
        }
        state.echoes = state.echoes.saturating_add(SIGNALS);
        state.cancelled_at = Some(Instant::now());
        true
    }

    /// The cancel request has been taken, or could not be sent.
    pub(super) fn release(&self, flight: u64) {
        {
            let state = &mut *self.state.borrow_mut();
            if state.held != Some(flight) {
                return;
            }
            state.held = None;
        }
        // The next one may be unwanted too.
        self.wake();
    }

    /// No more is done about `flight`; when it still runs, the connection is given up.
    pub(super) fn end_withdrawal(&self, flight: u64) {
        {
            let state = &mut *self.state.borrow_mut();
            if state.withdrawing != Some(flight) {
                return;
            }
            state.given_up = state.runs_unwanted(flight);
        }
        self.wake();
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.state.borrow().given_up
    }

    /// Whether a statement that was cancelled just now may have been hit in another's place. Each
    /// cancel request stops [`SIGNALS`] statements at most.
    pub(super) fn takes_echo(&self) -> bool {
        let state = &mut *self.state.borrow_mut();
        if state.cancelled_at.is_none_or(|at| at.elapsed() >= ECHO) {
            state.echoes = 0;
        }
        let echo = state.echoes > 0;
        state.echoes = state.echoes.saturating_sub(1);
        echo
    }
}

impl<S> State<S> {
    /// Ends the first flight.
    pub(super) fn land(&mut self) -> Option<Flight<S>> {
        let flight = self.flights.pop_front();
        if self.withdrawing == flight.as_ref().map(|it| it.number) {
            self.withdrawing = None;
        }
        flight
    }

    fn runs_unwanted(&self, flight: u64) -> bool {
        self.flights.front().is_some_and(|it| it.number == flight && it.is_unwanted())
    }
}
