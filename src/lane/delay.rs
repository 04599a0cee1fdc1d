//! Whether a line of the queue stands, and which of its calls have waited too long then.
//!
//! A queue that takes in a burst empties again, and costs nobody much. One that never empties only adds its
//! length to every answer, until callers have left by the time they are served. The two are told apart by the least
//! that anybody waits, as `CoDel` does (RFC 8289 §3.2). What is different is what is done: requests are turned away
//! at once and not at a growing rate, for no sender slows down on account of one loss.

use std::{cell::Cell, time::Duration};
use tokio::time::Instant;

/// How a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Some wait less than the limit.
    Moves,
    /// All have waited longer since then.
    Slow(Instant),
    /// They did for as long as the limit.
    Stands,
}

/// Watches one line.
pub(super) struct Delay {
    limit: Option<Duration>,
    state: Cell<State>,
}

impl Delay {
    /// A line whose calls may wait for `limit`; without one, for as long as their deadlines let them.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, state: Cell::new(State::Moves) }
    }

    /// Judges the first call of the line, which has waited for `waited`: whether it is to be turned away.
    pub(super) fn is_too_long(&self, waited: Duration, now: Instant) -> bool {
        let Some(limit) = self.limit else { return false };
        let state = match self.state.get() {
            // It stands until there is some room again, not just until one was served in time.
            State::Stands if waited >= limit / 2 => State::Stands,
            State::Moves if waited > limit => State::Slow(now),
            State::Slow(since) if waited > limit => {
                if now.saturating_duration_since(since) >= limit {
                    State::Stands
                } else {
                    State::Slow(since)
                }
            }
            _ => State::Moves,
        };
        self.state.set(state);
        state == State::Stands && waited > limit
    }

    /// Nobody waits.
    pub(super) fn rests(&self) {
        self.state.set(State::Moves);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    /// What becomes of calls that come to the front at these times having waited so long, in milliseconds.
    fn judged(delay: &Delay, calls: &[(u64, u64)]) -> Vec<bool> {
        let start = Instant::now();
        let ms = Duration::from_millis;
        calls.iter().map(|(at, waited)| delay.is_too_long(ms(*waited), start + ms(*at))).collect()
    }

    #[test]
    fn a_burst_is_served() {
        let delay = Delay::new(Some(LIMIT));
        let burst = [(0, 0), (50, 50), (90, 150), (150, 300), (189, 400), (195, 20), (290, 150)];
        assert_eq!(judged(&delay, &burst), [false; 7]);
    }

    #[test]
    fn a_queue_that_stands_is_cut_until_there_is_room() {
        let delay = Delay::new(Some(LIMIT));
        let calls = [
            (0, 101),
            (99, 150),
            (100, 150),
            (101, 101),
            (102, 99),
            (103, 120),
            (104, 49),
            (105, 120),
        ];
        let expected = [false, false, true, true, false, true, false, false];
        assert_eq!(judged(&delay, &calls), expected);
    }

    #[test]
    fn an_empty_line_begins_anew_and_no_limit_is_none() {
        let delay = Delay::new(Some(LIMIT));
        assert_eq!(judged(&delay, &[(0, 200), (100, 200)]), [false, true]);
        delay.rests();
        assert_eq!(judged(&delay, &[(101, 200)]), [false]);
        assert_eq!(judged(&Delay::new(None), &[(0, 900), (900, 900)]), [false, false]);
    }
}
