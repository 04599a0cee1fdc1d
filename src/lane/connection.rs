//! One connection of a lane: what is in flight on it, and what its backend knows.

mod stopping;

use super::{
    RowSink,
    flight::{Cargo, Flight, Span, Stage},
    load::Load,
    queue::Line,
};
use crate::{
    definition::file::plan::PlanMode,
    postgres::{
        preamble::Preamble,
        wire::{BackendKey, Peer},
    },
};
use bytes::BytesMut;
use std::{
    cell::RefCell, collections::VecDeque, io, rc::Rc, sync::Arc, task::Waker, time::Duration,
};
use tokio::time::Instant;

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

/// Which flight on which connection: its place in the lane, and a number among all that ever flew on
/// it, over its reconnections too.
pub(super) type FlightId = (usize, u64);

/// A connection's state, which the lane and the connection's task share.
pub(super) struct Connection<S> {
    /// Its place in the lane.
    index: usize,
    /// How many spans may be in flight.
    window: usize,
    /// Whether a statement is prepared before it runs, not along with it.
    prepares_first: bool,
    /// What each span begins with behind a pooler in transaction mode. There each span prepares its
    /// statement, without a name, and runs it.
    preamble: Option<Preamble>,
    state: RefCell<State<S>>,
}

pub(super) struct State<S> {
    backend: Option<(Peer, BackendKey)>,
    /// Since when it is, or was last, up.
    up_since: Instant,
    outgoing: BytesMut,
    /// Bytes ever given to `outgoing`.
    appended: u64,
    /// Flights ever begun.
    begun: u64,
    pub(super) flights: VecDeque<Flight<S>>,
    /// Since when the first of them is the first.
    front_since: Instant,
    /// How many of them came from each line.
    of_line: [usize; 3],
    /// How long they take when nothing disturbs them.
    at_least: Duration,
    /// A row of a batch without its place.
    pub(super) scratch: Vec<u8>,
    pub(super) statements: Vec<Knowledge>,
    /// Whether the statement that sets role and claims was prepared, as far as is known.
    pub(super) introduced: bool,
    /// How the session plans statements from what is written next on, as far as is known.
    pub(super) plans: Option<PlanMode>,
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
    /// Whether a statement has run to its end on it.
    served: bool,
}

impl<S: RowSink> Connection<S> {
    pub(super) fn new(
        index: usize,
        window: usize,
        prepares_first: bool,
        preamble: Option<Preamble>,
    ) -> Self {
        let state = State {
            backend: None,
            up_since: Instant::now(),
            outgoing: BytesMut::new(),
            appended: 0,
            begun: 0,
            flights: VecDeque::new(),
            front_since: Instant::now(),
            of_line: [0; 3],
            at_least: Duration::ZERO,
            scratch: Vec::new(),
            statements: Vec::new(),
            introduced: false,
            plans: None,
            waker: None,
            withdrawing: None,
            held: None,
            echoes: 0,
            cancelled_at: None,
            given_up: false,
            served: false,
        };
        Self { index, window, prepares_first, preamble, state: RefCell::new(state) }
    }

    pub(super) fn is_up(&self) -> bool {
        self.state.borrow().backend.is_some()
    }

    /// Whether a statement has run to its end on it since it came up.
    pub(super) fn has_served(&self) -> bool {
        self.state.borrow().served
    }

    pub(super) fn up_since(&self) -> Instant {
        self.state.borrow().up_since
    }

    /// Spans in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.state.borrow().flights.len()
    }

    /// Spans in flight, when there is room for one more.
    pub(super) fn load(&self) -> Option<usize> {
        let state = self.state.borrow();
        let load = state.flights.len();
        let takes = state.backend.is_some() && state.held.is_none() && !state.given_up;
        (takes && load < self.window).then_some(load)
    }

    /// Whether its session plans statements in another way.
    pub(super) fn plans_otherwise(&self, plan: PlanMode) -> bool {
        self.state.borrow().plans != Some(plan)
    }

    /// Spans in flight that came from `line`.
    pub(super) fn of_line(&self, line: Line) -> usize {
        self.state.borrow().of_line[line as usize]
    }

    /// Room for spans, in spans.
    pub(super) fn room(&self) -> usize {
        self.load().map_or(0, |load| self.window - load)
    }

    /// Appends the span of a cargo, which comes from `line` and takes so long at least, to what is to be
    /// written.
    ///
    /// # Errors
    /// Gives the cargo back when its messages cannot be built.
    pub(super) fn submit(
        &self,
        cargo: Cargo<S>,
        line: Line,
        at_least: Duration,
    ) -> Result<(), (Cargo<S>, io::Error)> {
        let state = &mut *self.state.borrow_mut();
        let Some(first) = cargo.loads().first() else { return Ok(()) };
        let batch = first.statement.batch.as_ref().filter(|_| cargo.is_batch());
        let statement = Arc::clone(batch.map_or(&first.statement, |batch| &batch.statement));
        // What is known of a statement's form for many is kept beside what is known of it.
        let slot = 2 * first.statement.index + usize::from(batch.is_some());
        if state.statements.len() <= slot {
            state.statements.resize(slot + 1, Knowledge::default());
        }
        let before = state.outgoing.len();
        let known = state.statements[slot];
        let (asked, identified) =
            first.with_call(|call| (call.prepares, call.identity.is_some())).unwrap_or_default();
        let unnamed = self.preamble.is_some();
        // A procedure may end the transaction that the preamble is for, or be told not to for its sake.
        let preamble = self.preamble.as_ref().filter(|_| !statement.calls());
        let prepares = unnamed || !known.told || known.shape == Shape::Changed || asked;
        let runs = unnamed || !(prepares && self.prepares_first);
        let introduces = preamble.is_some() || identified && (!state.introduced || asked);
        // A statement without a name is planned whenever it runs.
        let plans = (!unnamed && state.plans != Some(statement.plan)).then_some(statement.plan);
        let span = Span { introduces, plans, prepares, runs, unnamed };
        if let Err(error) = span.write(&cargo, preamble, &mut state.outgoing) {
            state.outgoing.truncate(before);
            return Err((cargo, error));
        }
        state.introduced |= introduces;
        state.plans = plans.or(state.plans);
        let before_it = u8::from(identified || preamble.is_some()) + u8::from(plans.is_some());
        if prepares {
            state.statements[slot].told = true;
        }
        let begins_at = state.appended;
        state.appended += (state.outgoing.len() - before) as u64;
        state.begun += 1;
        if state.flights.is_empty() {
            state.front_since = Instant::now();
        }
        state.of_line[line as usize] += 1;
        state.at_least += at_least;
        for load in cargo.loads() {
            load.flies_on(self.index);
        }
        state.flights.push_back(Flight {
            cargo,
            statement,
            slot,
            id: (self.index, state.begun),
            begins_at,
            span,
            stage: if before_it > 0 { Stage::Nobody } else { Stage::Sent },
            before_it,
            unchecked: false,
            line,
            at_least,
            lasted: Duration::ZERO,
            fault: None,
            refusal: None,
        });
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        Ok(())
    }

    /// The number of the first flight when others stand behind it, and how long it has been first.
    pub(super) fn blocking(&self) -> Option<(u64, usize, Duration)> {
        let state = self.state.borrow();
        let first = state.flights.front().filter(|_| state.flights.len() > 1)?;
        Some((first.id.1, first.statement.index, state.front_since.elapsed()))
    }

    /// How many calls are in its batch, and for how long whatever stands first has run; `None` without one.
    pub(super) fn batch(&self) -> Option<(usize, Duration)> {
        let state = self.state.borrow();
        if state.of_line[Line::Batch as usize] == 0 {
            return None;
        }
        let of_batch = state.flights.iter().filter(|flight| flight.line == Line::Batch);
        let calls = of_batch.map(|flight| flight.cargo.loads().len()).sum();
        Some((calls, state.front_since.elapsed()))
    }

    /// The sum of what `of` says of the statement of each flight, by its index.
    pub(super) fn sum_of(&self, of: impl Fn(usize) -> Duration) -> Duration {
        self.state.borrow().flights.iter().map(|flight| of(flight.statement.index)).sum()
    }

    /// How long what is in flight takes when nothing disturbs it.
    pub(super) fn at_least(&self) -> Duration {
        self.state.borrow().at_least
    }

    /// For how long the first flight has been the first; `None` when nothing is in flight.
    pub(super) fn runs_for(&self) -> Option<Duration> {
        let state = self.state.borrow();
        (!state.flights.is_empty()).then(|| state.front_since.elapsed())
    }

    /// The loads that stand behind the first flight and are nowhere else.
    pub(super) fn stranded(&self) -> Vec<Rc<Load<S>>> {
        let state = self.state.borrow();
        let behind = state.flights.iter().skip(1).filter(|it| it.line != Line::Slow);
        behind
            .flat_map(|flight| flight.cargo.loads())
            .filter(|load| load.flights() == 1 && !load.is_claimed() && !load.is_unwanted())
            .cloned()
            .collect()
    }

    pub(super) fn come_up(&self, peer: Peer, key: BackendKey) {
        let state = &mut *self.state.borrow_mut();
        state.backend = Some((peer, key));
        state.up_since = Instant::now();
        state.outgoing.clear();
        state.appended = 0;
        state.statements.clear();
        state.introduced = false;
        state.plans = Some(PlanMode::Auto);
        state.withdrawing = None;
        state.held = None;
        state.echoes = 0;
        state.given_up = false;
        state.served = false;
    }

    /// Marks the connection as gone and gives what was in flight on it.
    pub(super) fn go_down(&self) -> VecDeque<Flight<S>> {
        let state = &mut *self.state.borrow_mut();
        state.backend = None;
        state.of_line = [0; 3];
        state.at_least = Duration::ZERO;
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

impl<S: RowSink> State<S> {
    /// Ends the first flight.
    pub(super) fn land(&mut self) -> Option<Flight<S>> {
        let mut flight = self.flights.pop_front()?;
        if self.withdrawing == Some(flight.id.1) {
            self.withdrawing = None;
        }
        let now = Instant::now();
        flight.lasted = now - self.front_since;
        self.front_since = now;
        self.of_line[flight.line as usize] -= 1;
        self.at_least = self.at_least.saturating_sub(flight.at_least);
        self.served |= flight.stage == Stage::Complete;
        Some(flight)
    }

    fn runs_unwanted(&self, flight: u64) -> bool {
        self.flights.front().is_some_and(|it| it.id.1 == flight && it.is_unwanted())
    }
}
