//! Which connection takes the next call, and when none does though it could.

use super::Pool;
use crate::{
    lane::{RowSink, connection::Connection, queue::Line},
    postgres::statement::Prepared,
};
use std::{sync::Arc, time::Duration};

/// Batches in flight on one connection: while one runs, the next gathers.
const BATCHES: usize = 1;
/// Calls in flight that may go with others, below which the next one goes at once, and from which on it
/// gathers: a batch of many costs the server hardly more than one of few.
const FEW: usize = 8;
/// For each so long that a batch takes by itself, one more may run beside it.
const QUICK: Duration = Duration::from_millis(1);
/// How long a batch keeps others waiting. One that takes longer is held up by something, and what others
/// ask may have nothing to do with that.
const STUCK: Duration = Duration::from_millis(20);
/// How long what is in flight on one connection may take, for more to be sent behind it where others are idle. A
/// backend that has its next question already does not sleep in between, and its answers are read many at a time.
const PACKED: Duration = Duration::from_millis(1);
/// Slow statements sent since the last other one, after which no connection is kept free for others.
const NOTHING_ELSE: u32 = 64;

impl<S: RowSink> Pool<S> {
    /// The connection with the fewest calls in flight that has room for one more from `line`. Fewest
    /// in flight keeps the others going when a slow statement holds up one connection; and where a
    /// statement is known to be slow, nothing is sent behind it.
    pub(super) fn freest(&self, line: Line) -> Option<usize> {
        let slow = |connection: &Connection<S>| connection.of_line(Line::Slow);
        if line == Line::Batch && self.gathers() {
            return None;
        }
        if line == Line::Slow {
            let busy = self.connections.iter().filter(|it| slow(it) > 0).count();
            let alone = self.slow_in_a_row.get() > NOTHING_ELSE;
            if busy + usize::from(!alone) >= self.connections.len() {
                return None;
            }
        }
        let first = self.waiting.borrow().first(line).map(|it| Arc::clone(&it.statement));
        let plans_otherwise = |connection: &Connection<S>| {
            first.as_ref().is_some_and(|it| connection.plans_otherwise(it.plan))
        };
        if line == Line::Fast
            && let Some(statement) = &first
            && let Some(index) = self.fullest(statement)
        {
            return Some(index);
        }
        self.connections
            .iter()
            .enumerate()
            .filter(|(_, it)| slow(it) == 0)
            .filter(|(_, it)| line != Line::Batch || it.of_line(Line::Batch) < BATCHES)
            .filter_map(|(index, it)| Some((it.load()?, plans_otherwise(it), index)))
            .min()
            .map(|(.., index)| index)
    }

    /// The connection with the most calls in flight that are over soon, with one more of `statement` behind them;
    /// `None` for few calls, who have a backend each.
    fn fullest(&self, statement: &Prepared) -> Option<usize> {
        let most = PACKED.checked_sub(self.by_itself(statement.index))?;
        // Callers come together, as their answers went: those who wait here count as much.
        let in_flight = self.connections.iter().map(Connection::in_flight).sum::<usize>();
        if in_flight + self.waiting.borrow().ready() < FEW {
            return None;
        }
        let soon_over = |it: &Connection<S>| {
            it.of_line(Line::Slow) == 0
                && !it.plans_otherwise(statement.plan)
                && it.at_least() <= most
                && it.runs_for().is_some_and(|runs| runs < PACKED)
        };
        let connections = self.connections.iter().enumerate();
        connections
            .filter(|(_, it)| soon_over(it))
            .filter_map(|(index, it)| Some((it.load()?, index)))
            .max()
            .map(|(_, index)| index)
    }

    /// How long the statement takes by itself, most likely; so long that nothing is packed behind it while nobody
    /// knows. The mean will not do: it holds the time that a backend waited for a processor, which is the longer
    /// the more backends are at work.
    pub(super) fn by_itself(&self, index: usize) -> Duration {
        let quarter = self.times.quarter(index);
        if quarter.is_zero() { PACKED } else { quarter }
    }

    /// How long what is in flight on connection `index` takes, by what its statements usually take.
    pub(in crate::lane) fn expected_wait(&self, index: usize) -> Duration {
        self.connections[index].sum_of(|statement| self.typical(statement))
    }

    /// Whether the calls of the batch line wait for those in flight, to go together then. Where a batch
    /// takes long by itself, several run side by side.
    fn gathers(&self) -> bool {
        let batches = self.connections.iter().filter_map(Connection::batch);
        let (mut busy, mut calls) = (0, 0);
        for (of_batch, _) in batches.filter(|(_, runs)| *runs < STUCK) {
            busy += 1;
            calls += of_batch;
        }
        if calls < FEW {
            return false;
        }
        let waiting = self.waiting.borrow();
        let Some(first) = waiting.first(Line::Batch) else { return false };
        let beside = self.times.batch(first.statement.index).as_millis() / QUICK.as_millis();
        let gathers = busy > usize::try_from(beside).unwrap_or(usize::MAX);
        if gathers {
            self.lookout.notify_one();
        }
        gathers
    }

    /// The connection with the fewest calls in flight that has room and is none of `held_up`.
    pub(in crate::lane) fn freest_but(&self, held_up: &[usize]) -> Option<usize> {
        let free = self.connections.iter().enumerate();
        free.filter(|(index, it)| !held_up.contains(index) && it.of_line(Line::Slow) == 0)
            .filter_map(|(index, connection)| Some((connection.load()?, index)))
            .min()
            .map(|(_, index)| index)
    }
}
