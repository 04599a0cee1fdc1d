//! The lane's queue, and which connection takes what.

use super::{
    RowSink, Settings,
    call::{Call, Done, Failure, Ticket},
    connection::{Connection, Flight},
};
use crate::{
    event::Observer,
    postgres::{Target, refusal::Refusal},
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
};

/// Reads in flight on one connection; more wait in the lane, where a deadline can still withdraw
/// them and a freer connection can take them.
const READ_WINDOW: usize = 64;
/// How often a read may be sent: once, and again when its connection broke or was cancelled for
/// another's sake. A statement that brings its backend down must not do so for ever.
const MAX_SENDS: u8 = 3;

/// A call that waits, with the ticket its caller holds.
pub(super) struct Waiting<S> {
    pub(super) call: Call<S>,
    pub(super) ticket: Rc<Ticket<S>>,
}

/// What the lane's handle and its connections share.
pub(super) struct Pool<S: RowSink> {
    pub(super) settings: Settings,
    pub(super) target: Arc<Target>,
    pub(super) observer: Observer,
    pub(super) connections: Vec<Connection<S>>,
    waiting: RefCell<VecDeque<Waiting<S>>>,
    closed: Cell<bool>,
}

impl<S: RowSink> Pool<S> {
    pub(super) fn new(settings: Settings, target: Arc<Target>, observer: Observer) -> Self {
        let window = if settings.writes { 1 } else { READ_WINDOW };
        let connections =
            (0..settings.connections.max(1)).map(|_| Connection::new(window)).collect();
        Self {
            settings,
            target,
            observer,
            connections,
            waiting: RefCell::default(),
            closed: Cell::new(false),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connections.iter().any(Connection::is_up)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Lets every connection's task know that the lane is gone.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.connections.iter().for_each(Connection::wake);
    }

    /// Sends the call, or lets it wait, or sheds it.
    pub(super) fn admit(&self, call: Call<S>, ticket: &Rc<Ticket<S>>) -> Result<(), Failure> {
        if self.closed.get() {
            return Err(Failure::Closing);
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty()
            && let Some(index) = self.freest()
        {
            drop(waiting);
            self.send(index, Waiting { call, ticket: Rc::clone(ticket) });
            return Ok(());
        }
        // Before the first attempt to connect has ended, nobody knows that the database is away.
        let known = self.connections.iter().any(Connection::was_tried);
        if !call.parks && known && !self.is_connected() {
            return Err(Failure::Unavailable);
        }
        if waiting.len() >= self.settings.queue {
            return Err(Failure::QueueFull);
        }
        waiting.push_back(Waiting { call, ticket: Rc::clone(ticket) });
        Ok(())
    }

    /// Takes a call whose caller is gone out of the queue.
    pub(super) fn forget_waiting(&self, ticket: &Rc<Ticket<S>>) {
        self.waiting.borrow_mut().retain(|waiting| !Rc::ptr_eq(&waiting.ticket, ticket));
    }

    /// Gives waiting calls to connections that have room.
    pub(super) fn refill(&self) {
        while let Some(index) = self.freest() {
            let Some(next) = self.waiting.borrow_mut().pop_front() else { return };
            self.send(index, next);
        }
    }

    /// The connection with the fewest calls in flight that has room for one more. Fewest in flight
    /// keeps the others going when a slow statement holds up one connection.
    fn freest(&self) -> Option<usize> {
        self.connections
            .iter()
            .enumerate()
            .filter_map(|(index, connection)| Some((connection.load()?, index)))
            .min()
            .map(|(_, index)| index)
    }

    fn send(&self, index: usize, mut waiting: Waiting<S>) {
        waiting.call.attempts += 1;
        waiting.ticket.flies_on(index);
        if let Err(error) = self.connections[index].submit(waiting.call, &waiting.ticket) {
            // 54000, program limit exceeded: the arguments do not fit into a message.
            let refusal = Refusal {
                sqlstate: "54000".into(),
                message: error.to_string(),
                ..Refusal::default()
            };
            waiting.ticket.finish(Err(Failure::Refused(refusal)));
        }
    }

    /// Answers the call whose span has ended, or sends it again where that is invisible.
    pub(super) fn settle(&self, flight: Flight<S>, cancelled_lately: bool) {
        if flight.ticket.is_abandoned() {
            return;
        }
        if let Some(fault) = flight.fault {
            return flight.ticket.finish(Err(fault));
        }
        let Some(refusal) = flight.refusal else {
            let done = Done { sink: flight.call.sink, rows: flight.rows };
            return flight.ticket.finish(Ok(done));
        };
        let again = match refusal.sqlstate.as_str() {
            // The statement was closed, or its result type changed, behind our back: nothing ran.
            "26000" | "0A000" => !flight.preparing,
            // Cancelled for the statement before it: it was rolled back.
            "57014" => cancelled_lately,
            // Collided with another transaction: one more try, and for reads alone.
            "40001" | "40P01" => !self.settings.writes && flight.call.attempts < 2,
            _ => false,
        };
        if again && flight.call.attempts < MAX_SENDS {
            self.wait_again(Waiting { call: flight.call, ticket: flight.ticket });
        } else {
            flight.ticket.finish(Err(Failure::Refused(refusal)));
        }
    }

    /// Decides what becomes of the calls that were in flight on a connection that broke, in their
    /// order: reads wait again, writes that were sent have an unknown outcome.
    pub(super) fn lost(&self, flights: VecDeque<Flight<S>>, written: u64) {
        for flight in flights.into_iter().rev() {
            if flight.ticket.is_abandoned() {
                continue;
            }
            let untouched = flight.begins_at >= written;
            let replayable = !self.settings.writes && flight.call.attempts < MAX_SENDS;
            if untouched || replayable {
                self.wait_again(Waiting { call: flight.call, ticket: flight.ticket });
            } else if !self.settings.writes {
                flight.ticket.finish(Err(Failure::Unavailable));
            } else {
                // A refusal before the statement was complete is a definite no.
                let failure = match flight.refusal {
                    Some(refusal) if !flight.complete => Failure::Refused(refusal),
                    _ => Failure::OutcomeUnknown,
                };
                flight.ticket.finish(Err(failure));
            }
        }
    }

    fn wait_again(&self, mut waiting: Waiting<S>) {
        waiting.call.sink.restart();
        if !waiting.call.parks && !self.is_connected() {
            return waiting.ticket.finish(Err(Failure::Unavailable));
        }
        waiting.ticket.waits_again();
        self.waiting.borrow_mut().push_front(waiting);
    }
}
