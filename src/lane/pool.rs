//! The lane's queue, and which connection takes what.

mod choice;
mod settle;

use super::{
    LaneState, RowSink, Settings,
    call::{Call, Failure},
    connection::Connection,
    delay::Delay,
    flight::Cargo,
    link::Link,
    load::Load,
    queue::{Line, Queue, may_go_with_others},
    rescue::{Allowance, UNUSUAL},
    ticket::Ticket,
    times::Times,
};
use crate::{
    event::{Event, LaneAct, Observer},
    postgres::{Target, preamble::Preamble, refusal::Refusal, wire::Wire},
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Reads in flight on one connection; more wait in the lane, where a deadline can still withdraw
/// them and a freer connection can take them.
const READ_WINDOW: usize = 64;
/// How long a statement takes that others are not to wait behind.
const SLOW: Duration = Duration::from_millis(10);
/// How often the same trouble with the database is told: many connections have it at once.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// What the lane's handle and its connections share.
pub(super) struct Pool<S: RowSink> {
    pub(super) settings: Settings,
    pub(super) target: Arc<Target>,
    observer: Observer,
    pub(super) connections: Vec<Connection<S>>,
    waiting: RefCell<Queue<S>>,
    /// Whether each line stands.
    delays: [Delay; 3],
    /// How long statements take.
    times: Times,
    /// Slow statements sent since the last other one.
    slow_in_a_row: Cell<u32>,
    /// What rescues may still cost.
    pub(super) allowance: Allowance,
    /// Tells the lookout (`rescue`) that calls stand behind others.
    pub(super) lookout: Notify,
    closed: Cell<bool>,
    /// Whether a first attempt to connect has ended.
    tried: Cell<bool>,
    /// Tells connections that could not be made that another could.
    pub(super) returned: Notify,
    /// Since when no connection is open.
    down_since: Cell<Instant>,
    /// Since when one is.
    up_since: Cell<Instant>,
    reported: RefCell<Option<(String, Instant)>>,
}

impl<S: RowSink> Pool<S> {
    pub(super) fn new(settings: Settings, target: Arc<Target>, observer: Observer) -> Self {
        let window = if settings.writes { 1 } else { READ_WINDOW };
        let preamble =
            target.is_pooled().then(|| Preamble::new(settings.statement_timeout, settings.writes));
        let connections = (0..settings.connections.max(1))
            .map(|index| Connection::new(index, window, settings.writes, preamble.clone()))
            .collect();
        let delays = std::array::from_fn(|_| Delay::new(settings.queue_delay));
        Self {
            settings,
            target,
            observer,
            connections,
            waiting: RefCell::default(),
            delays,
            times: Times::default(),
            slow_in_a_row: Cell::new(0),
            allowance: Allowance::default(),
            lookout: Notify::new(),
            closed: Cell::new(false),
            tried: Cell::new(false),
            returned: Notify::new(),
            down_since: Cell::new(Instant::now()),
            up_since: Cell::new(Instant::now()),
            reported: RefCell::default(),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connections.iter().any(Connection::is_up)
    }

    /// Whether the database came back after `moment`, and is there.
    pub(super) fn came_back_since(&self, moment: Instant) -> bool {
        self.is_connected() && self.up_since.get() > moment
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
        self.lookout.notify_one();
    }

    /// Takes up a connection that was made.
    pub(super) fn comes_up(&self, index: usize, wire: Wire) -> Link {
        let link = Link::new(wire.stream, &wire.unread);
        if !self.is_connected() {
            self.up_since.set(Instant::now());
            self.returned.notify_waiters();
        }
        self.connections[index].come_up(wire.peer, wire.key);
        self.tried.set(true);
        self.reported.take();
        (self.observer)(&Event::Connected { lane: &self.settings.name });
        self.dispatch();
        link
    }

    /// Gives up a connection of which `written` bytes were sent.
    pub(super) fn goes_down(&self, index: usize, written: u64) {
        let connection = &self.connections[index];
        let since = connection.up_since();
        self.lost(connection.go_down(), written, since);
        self.dispatch();
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
        self.waiting.borrow().iter().for_each(|load| load.nudge());
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
    pub(super) fn tell(&self, did: LaneAct) {
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

    /// Lets the call wait for its turn, or sheds it.
    ///
    /// A read is sent when the thread has dealt with everything else that came along with it, so that
    /// those that ask the same meet. That is in the same turn of its loop: nobody waits for anybody.
    pub(super) fn admit(&self, call: Call<S>, ticket: &Rc<Ticket<S>>) -> Result<(), Failure> {
        if self.closed.get() {
            return Err(Failure::Closing);
        }
        if !call.parks && self.is_away() {
            return Err(Failure::Unavailable);
        }
        let mut waiting = self.waiting.borrow_mut();
        let key = if self.settings.writes { None } else { waiting.key(&call) };
        if let Some(load) = key.and_then(|key| waiting.same(key, &call)) {
            load.join(ticket);
            self.tell(LaneAct::Coalesced);
            return Ok(());
        }
        let room = || self.connections.iter().map(Connection::room).sum::<usize>();
        if waiting.len() >= self.settings.queue && waiting.len() >= self.settings.queue + room() {
            self.tell(LaneAct::Shed);
            return Err(Failure::QueueFull);
        }
        if !self.is_connected() {
            self.tell(LaneAct::Parked);
        }
        let line = self.line(&call);
        let held = waiting.push(Load::new(call, ticket), line, key);
        drop(waiting);
        if self.settings.writes {
            self.dispatch();
        } else if held {
            self.lookout.notify_one();
        } else if let Some(connection) = self.connections.iter().find(|it| it.is_up()) {
            connection.wake();
        }
        Ok(())
    }

    /// Where the call waits.
    fn line(&self, call: &Call<S>) -> Line {
        if self.settings.writes {
            Line::Fast
        } else if self.connections.len() > 1 && self.is_slow(call.statement.index) {
            Line::Slow
        } else if may_go_with_others(call) {
            Line::Batch
        } else {
            Line::Fast
        }
    }

    /// How long the statement of this index takes; zero when nobody knows.
    pub(super) fn typical(&self, index: usize) -> Duration {
        self.times.mean(index)
    }

    /// Whether it takes long almost always. One that has only waited for a processor is not to go singly: on a
    /// busy machine that makes of half a millisecond the time until everybody else has had a turn.
    fn is_slow(&self, index: usize) -> bool {
        self.times.quarter(index) >= SLOW
    }

    /// Takes a caller who is gone out of the queue.
    pub(super) fn forget_waiting(&self, ticket: &Rc<Ticket<S>>) {
        let gone = self.waiting.borrow_mut().forget(ticket);
        drop(gone);
    }

    /// Gives waiting calls to connections that have room.
    pub(super) fn dispatch(&self) {
        if self.waiting.borrow().is_empty() {
            return;
        }
        for line in [Line::Batch, Line::Fast, Line::Slow] {
            while !self.waiting.borrow().is_line_empty(line) {
                let Some(index) = self.freest(line) else { break };
                let cargo = self.next(line);
                let Some(cargo) = cargo else { break };
                self.send(index, cargo, line);
            }
        }
    }

    /// Lets go those who wait for others that take too long. Says whether anybody waits for others still.
    pub(super) fn lets_go(&self) -> bool {
        let at_most =
            |index| self.settings.alike_wait.max(self.typical(index).saturating_mul(UNUSUAL));
        let waits = self.waiting.borrow_mut().lets_go(at_most);
        self.dispatch();
        waits || self.is_connected() && !self.waiting.borrow().is_line_empty(Line::Batch)
    }

    fn next(&self, line: Line) -> Option<Cargo<S>> {
        let mut waiting = self.waiting.borrow_mut();
        self.shed(&mut waiting, line);
        if line != Line::Batch {
            return waiting.pop(line).map(Cargo::One);
        }
        let batch = waiting.pop_batch();
        if batch.len() > 1 {
            for _ in &batch {
                self.tell(LaneAct::Batched);
            }
        }
        Cargo::of(batch)
    }

    /// Turns away those at the front of a line that stands who have waited for too long. What was waited
    /// for a database that was away does not count.
    fn shed(&self, waiting: &mut Queue<S>, line: Line) {
        if self.settings.queue_delay.is_none() {
            return;
        }
        let (now, up) = (Instant::now(), self.up_since.get());
        let delay = &self.delays[line as usize];
        while let Some(first) = waiting.first(line) {
            let since = first.waits_since().max(up);
            if !delay.is_too_long(now.saturating_duration_since(since), now) {
                return;
            }
            if let Some(load) = waiting.pop(line) {
                load.fail(&Failure::QueueFull);
                waiting.lands(&load);
                self.tell(LaneAct::Shed);
            }
        }
        delay.rests();
    }

    /// Sends a cargo on connection `index`.
    pub(super) fn send(&self, index: usize, cargo: Cargo<S>, line: Line) {
        let in_a_row =
            if line == Line::Slow { self.slow_in_a_row.get().saturating_add(1) } else { 0 };
        self.slow_in_a_row.set(in_a_row);
        for load in cargo.loads() {
            self.allowance.earn();
            load.with_call(|call| call.attempts = call.attempts.saturating_add(1));
        }
        let connection = &self.connections[index];
        let lasts = cargo.loads().first().map(|it| self.by_itself(it.statement.index));
        if let Err((cargo, error)) = connection.submit(cargo, line, lasts.unwrap_or_default()) {
            return self.could_not_be_sent(&cargo, &error);
        }
        if !self.settings.writes && connection.load() != Some(1) {
            self.lookout.notify_one();
        }
    }

    fn could_not_be_sent(&self, cargo: &Cargo<S>, error: &std::io::Error) {
        if cargo.is_batch() {
            return cargo.loads().iter().for_each(|load| self.replay_alone(load));
        }
        // 54000, program limit exceeded: the arguments do not fit into a message.
        let refusal =
            Refusal { sqlstate: "54000".into(), message: error.to_string(), ..Refusal::default() };
        for load in cargo.loads() {
            load.fail(&Failure::Refused(refusal.clone()));
            self.lets_others_go(load);
        }
    }
}
