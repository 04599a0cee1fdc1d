//! The lane's queue, and which connection takes what.

use super::{
    LaneState, RowSink, Settings,
    call::{Call, Done, Failure},
    connection::{Connection, Flight, Stage},
    link::Link,
    ticket::Ticket,
};
use crate::{
    event::{Event, LaneAct, Observer},
    postgres::{Target, refusal::Refusal, wire::Wire},
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// Reads in flight on one connection; more wait in the lane, where a deadline can still withdraw
/// them and a freer connection can take them.
const READ_WINDOW: usize = 64;
/// How often a read may be sent and be the one whose connection breaks. A statement that brings
/// its backend down must not do so for ever.
const MAX_SENDS: u8 = 3;
/// How often the same trouble with the database is told: many connections have it at once.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// A call that waits, with the ticket its caller holds.
pub(super) struct Waiting<S> {
    pub(super) call: Call<S>,
    pub(super) ticket: Rc<Ticket<S>>,
}

/// What the lane's handle and its connections share.
pub(super) struct Pool<S: RowSink> {
    pub(super) settings: Settings,
    pub(super) target: Arc<Target>,
    observer: Observer,
    pub(super) connections: Vec<Connection<S>>,
    waiting: RefCell<VecDeque<Waiting<S>>>,
    closed: Cell<bool>,
    /// Whether a first attempt to connect has ended.
    tried: Cell<bool>,
    /// Since when no connection is open.
    down_since: Cell<Instant>,
    reported: RefCell<Option<(String, Instant)>>,
}

impl<S: RowSink> Pool<S> {
    pub(super) fn new(settings: Settings, target: Arc<Target>, observer: Observer) -> Self {
        let window = if settings.writes { 1 } else { READ_WINDOW };
        let connections = (0..settings.connections.max(1))
            .map(|_| Connection::new(window, settings.writes))
            .collect();
        Self {
            settings,
            target,
            observer,
            connections,
            waiting: RefCell::default(),
            closed: Cell::new(false),
            tried: Cell::new(false),
            down_since: Cell::new(Instant::now()),
            reported: RefCell::default(),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connections.iter().any(Connection::is_up)
    }

    /// Whether the database is known to be away: before the first attempt to connect has ended,
    /// nobody knows.
    fn is_away(&self) -> bool {
        self.tried.get() && !self.is_connected()
    }

    /// Until when a call that was admitted at `admitted` waits for a database that is away; `None`
    /// when it is not away.
    pub(super) fn parks_until(&self, admitted: Instant, parks: bool) -> Option<Instant> {
        let park = if parks { self.settings.park } else { Duration::ZERO };
        let counts = if parks { !self.is_connected() } else { self.is_away() };
        counts.then(|| self.down_since.get().max(admitted) + park)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Lets every connection's task know that the lane is gone.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.connections.iter().for_each(Connection::wake);
    }

    /// Takes up a connection that was made.
    pub(super) fn comes_up(&self, index: usize, wire: Wire) -> Link {
        let link = Link::new(wire.stream, &wire.unread);
        self.connections[index].come_up(wire.peer, wire.key);
        self.tried.set(true);
        self.reported.take();
        (self.observer)(&Event::Connected { lane: &self.settings.name });
        self.refill();
        link
    }

    /// Gives up a connection of which `written` bytes were sent.
    pub(super) fn goes_down(&self, index: usize, written: u64) {
        self.lost(self.connections[index].go_down(), written);
        self.refill();
        if !self.is_connected() {
            self.down_since.set(Instant::now());
            self.nudge();
        }
    }

    /// An attempt to connect has failed.
    pub(super) fn stays_down(&self) {
        if !self.tried.replace(true) {
            self.nudge();
        }
    }

    /// Has everybody who waits look again for how long.
    fn nudge(&self) {
        for waiting in &*self.waiting.borrow() {
            waiting.ticket.nudge();
        }
    }

    /// Tells that there is no connection, unless that was told just now.
    pub(super) fn report(&self, reason: &str, retry_in: Duration) {
        let known = self
            .reported
            .borrow()
            .as_ref()
            .is_some_and(|(known, at)| known == reason && at.elapsed() < REPORT_EVERY);
        if !known {
            self.reported.replace(Some((reason.to_owned(), Instant::now())));
            let lane = &self.settings.name;
            (self.observer)(&Event::Disconnected { lane, reason, retry_in });
        }
    }

    /// Tells what was done with a call.
    fn tell(&self, did: LaneAct) {
        (self.observer)(&Event::Lane { lane: &self.settings.name, did });
    }

    /// How it stands with the lane on this thread.
    pub(super) fn state(&self) -> LaneState {
        LaneState {
            lane: self.settings.name.clone(),
            connections: self.connections.len(),
            connected: self.connections.iter().filter(|it| it.is_up()).count(),
            in_flight: self.connections.iter().map(Connection::in_flight).sum(),
            waiting: self.waiting.borrow().len(),
        }
    }

    /// Sends the call, or lets it wait, or sheds it.
    pub(super) fn admit(&self, call: Call<S>, ticket: &Rc<Ticket<S>>) -> Result<(), Failure> {
        if self.closed.get() {
            return Err(Failure::Closing);
        }
        let waiting = self.waiting.borrow().len();
        if waiting == 0
            && let Some(index) = self.freest()
        {
            self.send(index, Waiting { call, ticket: Rc::clone(ticket) });
            return Ok(());
        }
        if !call.parks && self.is_away() {
            return Err(Failure::Unavailable);
        }
        if waiting >= self.settings.queue {
            self.tell(LaneAct::Shed);
            return Err(Failure::QueueFull);
        }
        if !self.is_connected() {
            self.tell(LaneAct::Parked);
        }
        self.waiting.borrow_mut().push_back(Waiting { call, ticket: Rc::clone(ticket) });
        Ok(())
    }

    /// Takes a call whose caller is gone out of the queue.
    pub(super) fn forget_waiting(&self, ticket: &Rc<Ticket<S>>) {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(at) = waiting.iter().position(|it| Rc::ptr_eq(&it.ticket, ticket)) {
            let gone = waiting.remove(at);
            drop(waiting);
            drop(gone);
        }
    }

    /// Gives waiting calls to connections that have room.
    pub(super) fn refill(&self) {
        while let Some(index) = self.freest() {
            let next = self.waiting.borrow_mut().pop_front();
            let Some(next) = next else { return };
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
        waiting.call.attempts = waiting.call.attempts.saturating_add(1);
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
    pub(super) fn settle(&self, index: usize, flight: Flight<S>) {
        let stopped = flight.refusal.as_ref().is_some_and(|it| it.sqlstate == "57014");
        let echo = stopped && self.connections[index].takes_echo();
        if flight.ticket.is_abandoned() {
            return;
        }
        if !flight.span.runs && flight.refusal.is_none() && flight.fault.is_none() {
            return self.run_prepared(index, flight);
        }
        if let Some(failure) = self.failure(&flight) {
            return flight.ticket.finish(Err(failure));
        }
        if !flight.unchecked && flight.refusal.is_none() {
            let done = Done { sink: flight.call.sink, rows: flight.rows };
            return flight.ticket.finish(Ok(done));
        }
        let reads = !self.settings.writes;
        let forgotten = flight.was_forgotten();
        let mut call = flight.call;
        let (again, prepares) = match flight.refusal.as_ref().map(|it| it.sqlstate.as_str()) {
            // It ran with a shape that nobody looked at.
            None => (reads && call.attempts < MAX_SENDS, true),
            // The statement was closed, or its result type changed, behind our back: nothing ran.
            Some("26000" | "0A000") if forgotten => (call.attempts < MAX_SENDS, true),
            // Stopped in another's place, and rolled back. A cancel request stops few statements, so
            // this has an end.
            Some("57014") if echo && reads && !flight.ticket.is_unwanted() => {
                call.attempts = call.attempts.saturating_sub(1);
                (true, false)
            }
            // Collided with another transaction: one more try, and for reads alone.
            Some("40001" | "40P01") => (reads && call.attempts < 2, false),
            Some(_) => (false, false),
        };
        if again {
            call.prepares = prepares;
            self.wait_again(Waiting { call, ticket: flight.ticket });
        } else {
            let failure = match flight.refusal {
                None => Failure::ShapeChanged,
                Some(refusal) if flight.stage == Stage::Assuming => Failure::of_identity(refusal),
                Some(refusal) => Failure::Refused(refusal),
            };
            flight.ticket.finish(Err(failure));
        }
    }

    /// What its rows' fault makes of the call, when they have one.
    fn failure(&self, flight: &Flight<S>) -> Option<Failure> {
        let fault = flight.fault.clone()?;
        let made = self.settings.writes && flight.span.runs && flight.refusal.is_none();
        Some(if made { Failure::OutcomeUnknown } else { fault })
    }

    /// Runs a statement that was prepared by itself, on the same connection.
    fn run_prepared(&self, index: usize, flight: Flight<S>) {
        if flight.ticket.is_unwanted() {
            return flight.ticket.finish(Err(Failure::Deadline));
        }
        let mut call = flight.call;
        call.attempts = call.attempts.saturating_sub(1);
        call.prepares = false;
        let waiting = Waiting { call, ticket: flight.ticket };
        if self.connections[index].load().is_some() {
            self.send(index, waiting);
        } else {
            self.wait_again(waiting);
        }
    }

    /// Decides what becomes of the calls that were in flight on a connection that broke, in their
    /// order: reads wait again, writes that were sent have an unknown outcome.
    fn lost(&self, flights: VecDeque<Flight<S>>, written: u64) {
        for (place, mut flight) in flights.into_iter().enumerate().rev() {
            if flight.ticket.is_abandoned() {
                continue;
            }
            let harmless =
                !self.settings.writes || !flight.span.runs || flight.begins_at >= written;
            if harmless {
                if let Some(fault) = flight.fault {
                    flight.ticket.finish(Err(fault));
                    continue;
                }
                if place > 0 {
                    // What stood behind another had no part in it.
                    flight.call.attempts = flight.call.attempts.saturating_sub(1);
                }
                if flight.call.attempts < MAX_SENDS {
                    self.wait_again(Waiting { call: flight.call, ticket: flight.ticket });
                } else {
                    flight.ticket.finish(Err(Failure::Unavailable));
                }
            } else {
                // A refusal before the statement was complete is a definite no.
                let failure = match flight.refusal {
                    Some(refusal) if flight.stage != Stage::Complete => Failure::Refused(refusal),
                    _ => Failure::OutcomeUnknown,
                };
                flight.ticket.finish(Err(failure));
            }
        }
    }

    fn wait_again(&self, mut waiting: Waiting<S>) {
        waiting.call.sink.restart();
        waiting.ticket.waits_again();
        self.waiting.borrow_mut().push_front(waiting);
    }
}
