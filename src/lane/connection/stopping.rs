//! Stopping statements on a connection (`withdrawal` says when).

use super::{BackendKey, Connection, Peer, RowSink};
use std::time::Duration;
use tokio::time::Instant;

/// For how long after a cancel request a cancelled statement may have been the wrong one.
const ECHO: Duration = Duration::from_secs(5);

/// How many statements one cancel request can stop: the server signals the backend, and then the
/// backend's process group, which is the backend once more (PostgreSQL's `signal_child`).
const SIGNALS: u8 = 2;

impl<S: RowSink> Connection<S> {
    /// The flight to stop, when the backend runs one that is not wanted. It is said once.
    pub(in crate::lane) fn begin_withdrawal(&self) -> Option<u64> {
        let state = &mut *self.state.borrow_mut();
        if state.withdrawing.is_some() || state.held.is_some() {
            return None;
        }
        state.withdrawing = state.flights.front().filter(|it| it.is_unwanted()).map(|it| it.id.1);
        state.withdrawing
    }

    /// Sends nothing more until [`Connection::release`], when `flight` still has to be stopped.
    /// Gives what the cancel request needs.
    pub(in crate::lane) fn hold(&self, flight: u64) -> Option<(Peer, BackendKey)> {
        let state = &mut *self.state.borrow_mut();
        if !state.runs_unwanted(flight) {
            return None;
        }
        state.held = Some(flight);
        state.backend.clone()
    }

    /// Whether `flight` still has to be stopped; then a cancel request is counted.
    pub(in crate::lane) fn will_be_cancelled(&self, flight: u64) -> bool {
        let state = &mut *self.state.borrow_mut();
        if !state.runs_unwanted(flight) {
            return false;
        }
        state.echoes = state.echoes.saturating_add(SIGNALS);
        state.cancelled_at = Some(Instant::now());
        true
    }

    /// The cancel request has been taken, or could not be sent.
    pub(in crate::lane) fn release(&self, flight: u64) {
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
    pub(in crate::lane) fn end_withdrawal(&self, flight: u64) {
        {
            let state = &mut *self.state.borrow_mut();
            if state.withdrawing != Some(flight) {
                return;
            }
            state.given_up = state.runs_unwanted(flight);
        }
        self.wake();
    }

    pub(in crate::lane) fn is_given_up(&self) -> bool {
        self.state.borrow().given_up
    }

    /// Whether a statement that was cancelled just now may have been hit in another's place. Each
    /// cancel request stops [`SIGNALS`] statements at most.
    pub(in crate::lane) fn takes_echo(&self) -> bool {
        let state = &mut *self.state.borrow_mut();
        if state.cancelled_at.is_none_or(|at| at.elapsed() >= ECHO) {
            state.echoes = 0;
        }
        let echo = state.echoes > 0;
        state.echoes = state.echoes.saturating_sub(1);
        echo
    }
}
