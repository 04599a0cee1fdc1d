//! How long to wait before the next attempt to connect.

use std::time::Duration;

/// The first wait is up to this long.
const FIRST: Duration = Duration::from_millis(50);
/// No wait is longer than this, so that recovery follows the database's return within a second.
const LONGEST: Duration = Duration::from_millis(800);
/// The longest wait of the one that asks for all: what waits for a database that is away waits no longer than it
/// takes to be back.
const SOONEST: Duration = Duration::from_millis(200);
/// The longest wait where nothing but a person can help: a wrong password tried over and over is
/// what locks a role out.
const DENIED: Duration = Duration::from_secs(4);

/// Exponential backoff with full jitter, so that the connections of many threads and processes do
/// not come back in step.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after the server said that it does not let us in.
    pub(super) fn denied(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        DENIED.mul_f64(0.5 + 0.5 * fastrand::f64())
    }

    /// The wait after one more failure: at least a tenth of the step, at most the step.
    pub(super) fn next(&mut self) -> Duration {
        self.at_most(LONGEST)
    }

    /// The same for the one of many that asks whether the database is back, and tells the others.
    pub(super) fn soon(&mut self) -> Duration {
        self.at_most(SOONEST)
    }

    fn at_most(&mut self, longest: Duration) -> Duration {
        let step = FIRST.saturating_mul(1 << self.failures.min(8)).min(longest);
        self.failures = self.failures.saturating_add(1);
        step.mul_f64(0.1 + 0.9 * fastrand::f64())
    }

    /// After a success.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let mut backoff = Backoff::default();
        assert!(backoff.next() <= FIRST);
        for _ in 0..100 {
            let wait = backoff.next();
            assert!(wait <= LONGEST && wait >= FIRST / 10);
            let wait = backoff.soon();
            assert!(wait <= SOONEST && wait >= FIRST / 10);
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
