//! One connection of a lane: what is in flight on it, and what its backend knows.

use super::{
    RowSink,
    call::{Call, Failure, Ticket},
};
use crate::postgres::{message, refusal::Refusal, wire::BackendKey};
use bytes::BytesMut;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io,
    rc::Rc,
    task::Waker,
    time::Duration,
};
use tokio::time::Instant;

/// For how long after a cancel request a cancelled statement may have been the wrong one.
const CANCEL_ECHO: Duration = Duration::from_secs(5);

/// What a backend knows of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    #[default]
    No,
    /// It was told, and has not answered yet.
    Told,
    /// It has it, with the shape that it was typed with.
    Yes,
    /// It has it with another shape.
    Changed,
}

/// A call in flight.
pub(super) struct Flight<S> {
    pub(super) call: Call<S>,
    pub(super) ticket: Rc<Ticket<S>>,
    /// Where its span begins in all that was ever written to this connection, in bytes.
    pub(super) begins_at: u64,
    /// Whether its span prepares the statement.
    pub(super) preparing: bool,
    pub(super) rows: u64,
    /// Whether the statement ended well; the transaction ends with the span.
    pub(super) complete: bool,
    /// Whether a cancel request was sent for it.
    cancelled: bool,
    /// Why its rows are worth nothing, when they are.
    pub(super) fault: Option<Failure>,
    pub(super) refusal: Option<Refusal>,
}

/// A connection's state, which the lane and the connection's task share.
pub(super) struct Connection<S> {
    window: usize,
    tried: Cell<bool>,
    state: RefCell<State<S>>,
}

pub(super) struct State<S> {
    up: bool,
    key: BackendKey,
    outgoing: BytesMut,
    /// Bytes ever given to `outgoing`.
    appended: u64,
    pub(super) flights: VecDeque<Flight<S>>,
    pub(super) statements: Vec<Known>,
    waker: Option<Waker>,
    cancel_wanted: bool,
    cancelling: bool,
    cancelled_at: Option<Instant>,
}

impl<S: RowSink> Connection<S> {
    pub(super) fn new(window: usize) -> Self {
        let state = State {
            up: false,
            key: BackendKey::default(),
            outgoing: BytesMut::new(),
            appended: 0,
            flights: VecDeque::new(),
            statements: Vec::new(),
            waker: None,
            cancel_wanted: false,
            cancelling: false,
            cancelled_at: None,
        };
        Self { window, tried: Cell::new(false), state: RefCell::new(state) }
    }

    pub(super) fn is_up(&self) -> bool {
        self.state.borrow().up
    }

    /// Whether a first attempt to connect has ended, well or not.
    pub(super) fn was_tried(&self) -> bool {
        self.tried.get()
    }

    /// An attempt to connect has failed.
    pub(super) fn stay_down(&self) {
        self.tried.set(true);
    }

    /// Calls in flight, when there is room for one more.
    pub(super) fn load(&self) -> Option<usize> {
        let state = self.state.borrow();
        let load = state.flights.len();
        (state.up && !state.cancelling && !state.cancel_wanted && load < self.window)
            .then_some(load)
    }

    /// Appends the call's span to what is to be written.
    pub(super) fn submit(&self, call: Call<S>, ticket: &Rc<Ticket<S>>) -> io::Result<()> {
        let state = &mut *self.state.borrow_mut();
        let statement = &call.statement;
        if state.statements.len() <= statement.index {
            state.statements.resize(statement.index + 1, Known::No);
        }
        let before = state.outgoing.len();
        let known = state.statements[statement.index];
        let preparing = matches!(known, Known::No | Known::Changed);
        let written =
            if preparing { message::prepare(statement, &mut state.outgoing) } else { Ok(()) }
                .and_then(|()| message::run(statement, &call.arguments, &mut state.outgoing));
        if let Err(error) = written {
            state.outgoing.truncate(before);
            return Err(error);
        }
        if preparing {
            state.statements[statement.index] = Known::Told;
        }
        let begins_at = state.appended;
        state.appended += (state.outgoing.len() - before) as u64;
        state.flights.push_back(Flight {
            call,
            ticket: Rc::clone(ticket),
            begins_at,
            preparing,
            rows: 0,
            complete: false,
            cancelled: false,
            fault: None,
            refusal: None,
        });
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        Ok(())
    }

    /// Wants a cancel request when the statement that runs now has nobody waiting for its rows.
    pub(super) fn cancel_if_unwanted(&self) {
        let state = &mut *self.state.borrow_mut();
        let Some(first) = state.flights.front_mut() else { return };
        let unwanted = first.ticket.is_abandoned() || first.fault.is_some();
        if state.up && !state.cancelling && unwanted && !first.cancelled {
            first.cancelled = true;
            state.cancel_wanted = true;
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        }
    }

    /// The backend to send a cancel request to, when one is wanted.
    pub(super) fn begin_cancel(&self) -> Option<BackendKey> {
        let state = &mut *self.state.borrow_mut();
        if !std::mem::take(&mut state.cancel_wanted) {
            return None;
        }
        state.cancelling = true;
        state.cancelled_at = Some(Instant::now());
        Some(state.key)
    }

    /// The cancel request has been taken, or could not be sent.
    pub(super) fn end_cancel(&self) {
        self.state.borrow_mut().cancelling = false;
    }

    /// Whether a cancel request may have hit the wrong statement.
    pub(super) fn cancelled_lately(&self) -> bool {
        self.state.borrow().cancelled_at.is_some_and(|at| at.elapsed() < CANCEL_ECHO)
    }

    pub(super) fn come_up(&self, key: BackendKey) {
        self.tried.set(true);
        let state = &mut *self.state.borrow_mut();
        state.up = true;
        state.key = key;
        state.outgoing.clear();
        state.appended = 0;
        state.statements.clear();
        state.cancel_wanted = false;
        state.cancelling = false;
        state.cancelled_at = None;
    }

    /// Marks the connection as gone and gives what was in flight on it.
    pub(super) fn go_down(&self) -> VecDeque<Flight<S>> {
        let state = &mut *self.state.borrow_mut();
        state.up = false;
        std::mem::take(&mut state.flights)
    }

    /// Exchanges an emptied buffer for the bytes that wait to be written.
    pub(super) fn exchange_outgoing(&self, emptied: &mut BytesMut) {
        std::mem::swap(&mut self.state.borrow_mut().outgoing, emptied);
    }

    /// Whether a turn would get on: a cancel request is wanted, or bytes wait and can be written.
    pub(super) fn has_work(&self, writable: bool) -> bool {
        let state = self.state.borrow();
        state.cancel_wanted || (writable && !state.outgoing.is_empty())
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
        if let Some(waker) = self.state.borrow_mut().waker.take() {
            waker.wake();
        }
    }
}
