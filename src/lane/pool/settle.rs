//! What becomes of calls whose flight has ended.

use super::Pool;
use crate::lane::{
    Failure, RowSink,
    flight::{Cargo, Flight, Stage},
    load::Load,
    queue::Line,
};
use std::{collections::VecDeque, rc::Rc};
use tokio::time::Instant;

/// How often a read may be sent and be the one whose connection breaks. A statement that brings
/// its backend down must not do so for ever.
const MAX_SENDS: u8 = 3;

impl<S: RowSink> Pool<S> {
    /// Answers the calls whose span has ended, or sends them again where that is invisible.
    pub(in crate::lane) fn settle(&self, index: usize, flight: &Flight<S>) {
        let stopped = flight.refusal.as_ref().is_some_and(|it| it.sqlstate == "57014");
        let echo = stopped && self.connections[index].takes_echo();
        match (flight.stage, flight.cargo.is_batch()) {
            (Stage::Complete, false) => self.times.learn(flight.statement.index, flight.lasted),
            (Stage::Complete, true) => {
                if let Some(first) = flight.cargo.loads().first() {
                    self.times.learn_batch(first.statement.index, flight.lasted);
                }
            }
            _ => {}
        }
        for load in flight.cargo.loads() {
            load.lands();
            // The other flight of a call that was rescued brings its answer, or has brought it.
            if load.claim(flight.id) {
                self.settle_load(index, flight, load, echo);
            }
            self.lets_others_go(load);
        }
    }

    /// Sees whether the call is over, or in flight no more, so that others that ask the same may go.
    pub(super) fn lets_others_go(&self, load: &Load<S>) {
        if load.is_over() || load.flights() == 0 {
            self.waiting.borrow_mut().lands(load);
        }
    }

    fn settle_load(&self, index: usize, flight: &Flight<S>, load: &Rc<Load<S>>, echo: bool) {
        if load.is_abandoned() {
            return load.fail(&Failure::Closing);
        }
        let went_wrong = flight.fault.is_some() || flight.unchecked || flight.refusal.is_some();
        if flight.cargo.is_batch() && went_wrong {
            return self.replay_alone(load);
        }
        let fault = flight.fault.clone().or_else(|| load.fault());
        if !flight.span.runs && flight.refusal.is_none() && fault.is_none() {
            return self.run_prepared(index, load);
        }
        if let Some(fault) = fault {
            // A write that was made, and whose rows cannot be given, is no failed one.
            let made = self.settings.writes && flight.span.runs && flight.refusal.is_none();
            return load.fail(&if made { Failure::OutcomeUnknown } else { fault });
        }
        if !flight.unchecked && flight.refusal.is_none() {
            return load.succeed();
        }
        let reads = !self.settings.writes;
        let attempts = load.with_call(|call| call.attempts).unwrap_or(u8::MAX);
        let (again, prepares) = match flight.refusal.as_ref().map(|it| it.sqlstate.as_str()) {
            // It ran with a shape that nobody looked at.
            None => (reads && attempts < MAX_SENDS, true),
            // The statement was closed, or its result type changed, behind our back: nothing ran.
            Some("26000" | "0A000") if flight.was_forgotten() => (attempts < MAX_SENDS, true),
            // Stopped in another's place, and rolled back. A cancel request stops few statements, so
            // this has an end.
            Some("57014") if echo && reads && !load.is_unwanted() => {
                load.with_call(|call| call.attempts = attempts.saturating_sub(1));
                (true, false)
            }
            // Collided with another transaction: one more try, and for reads alone.
            Some("40001" | "40P01") => (reads && attempts < 2, false),
            Some(_) => (false, false),
        };
        if again {
            load.with_call(|call| call.prepares = prepares);
            self.wait_again(load);
        } else {
            load.fail(&match &flight.refusal {
                None => Failure::ShapeChanged,
                Some(refusal) if flight.stage == Stage::Assuming => {
                    Failure::of_identity(refusal.clone())
                }
                Some(refusal) => Failure::Refused(refusal.clone()),
            });
        }
    }

    /// Sends a call by itself whose batch came to nothing: one of it may be why, or none. Being in it
    /// does not count as having been sent.
    pub(super) fn replay_alone(&self, load: &Rc<Load<S>>) {
        load.with_call(|call| {
            call.alone = true;
            call.attempts = call.attempts.saturating_sub(1);
        });
        self.wait_again(load);
    }

    /// Runs a statement that was prepared by itself, on the same connection.
    fn run_prepared(&self, index: usize, load: &Rc<Load<S>>) {
        if load.is_unwanted() {
            return load.fail(&Failure::Deadline);
        }
        load.with_call(|call| {
            call.attempts = call.attempts.saturating_sub(1);
            call.prepares = false;
        });
        if self.connections[index].load().is_some() {
            load.restart();
            self.send(index, Cargo::One(Rc::clone(load)), Line::Fast);
        } else {
            self.wait_again(load);
        }
    }

    /// Decides what becomes of the calls that were in flight on a connection that broke, in their
    /// order: reads wait again, writes that were sent have an unknown outcome. `since` is when it came up.
    pub(super) fn lost(&self, flights: VecDeque<Flight<S>>, written: u64, since: Instant) {
        for (place, flight) in flights.into_iter().enumerate().rev() {
            for load in flight.cargo.loads().iter().rev() {
                load.lands();
                let flies_on = load.flights() > 0 && !load.is_claimed();
                if !flies_on && load.claim(flight.id) {
                    self.lost_load(load, &flight, place > 0, written, since);
                }
                self.lets_others_go(load);
            }
        }
    }

    fn lost_load(
        &self,
        load: &Rc<Load<S>>,
        flight: &Flight<S>,
        behind: bool,
        written: u64,
        since: Instant,
    ) {
        if load.is_abandoned() {
            return load.fail(&Failure::Closing);
        }
        let harmless = !self.settings.writes || !flight.span.runs || flight.begins_at >= written;
        if !harmless {
            // A refusal before the statement was complete is a definite no.
            return load.fail(&match &flight.refusal {
                Some(refusal) if flight.stage != Stage::Complete => {
                    Failure::Refused(refusal.clone())
                }
                _ => Failure::OutcomeUnknown,
            });
        }
        if let Some(fault) = flight.fault.clone().or_else(|| load.fault()) {
            return load.fail(&fault);
        }
        // What stood behind another had no part in it. And when a server goes, all connections break, one
        // is found broken after the other, and each may have been sent what the last one lost.
        let blameless = behind || !load.is_lost_anew(since);
        let attempts = load.with_call(|call| {
            if blameless {
                call.attempts = call.attempts.saturating_sub(1);
            }
            // The one of a batch that broke it must not take the others with it again.
            call.alone |= flight.cargo.is_batch();
            call.attempts
        });
        if attempts.unwrap_or(u8::MAX) < MAX_SENDS {
            self.wait_again(load);
        } else {
            load.fail(&Failure::Unavailable);
        }
    }

    /// Has a call sent once more, unless it is in flight elsewhere too.
    fn wait_again(&self, load: &Rc<Load<S>>) {
        load.restart();
        if load.flights() > 0 {
            return;
        }
        load.waits_again();
        let line = load.with_call(|call| self.line(call)).unwrap_or(Line::Fast);
        self.waiting.borrow_mut().push_front(Rc::clone(load), line);
    }
}
