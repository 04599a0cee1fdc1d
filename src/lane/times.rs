//! How long statements take, as far as their runs say.
//!
//! Owns what is learnt of it. Does not own what follows (`pool`).
//!
//! A run is timed on the wall, and so is the time that its backend, or this thread, waits for a processor. On a
//! machine that is busy that is most of it, and differs from run to run by a hundred times. So there are three
//! figures, each for what it is good for: the mean, the quarter, and the shortest.

use std::{cell::RefCell, time::Duration};

/// The longest time of a run that counts.
const LONGEST: Duration = Duration::from_secs(2);

/// What is known of one statement, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The mean, of the last runs most; 0 is unknown.
    mean: u32,
    /// A quarter of the runs, of the last most, take less; 0 is unknown.
    quarter: u32,
    /// How long a batch takes when nothing disturbs it; the largest number where nobody knows.
    batch: u32,
}

impl Known {
    const NOTHING: Self = Self { mean: 0, quarter: 0, batch: u32::MAX };
}

/// What is known of each statement, by its index.
#[derive(Debug, Default)]
pub(super) struct Times(RefCell<Vec<Known>>);

impl Times {
    /// How long the statement takes in the mean; zero when nobody knows.
    pub(super) fn mean(&self, index: usize) -> Duration {
        Duration::from_micros(self.known(index).mean.into())
    }

    /// What three runs in four take at least; zero when nobody knows. A statement that works for long is never
    /// quicker than that, and one that only waits for a processor is in one run of several.
    pub(super) fn quarter(&self, index: usize) -> Duration {
        Duration::from_micros(self.known(index).quarter.into())
    }

    /// How long a batch takes by itself; nearly an hour and a quarter when nobody knows.
    pub(super) fn batch(&self, index: usize) -> Duration {
        Duration::from_micros(self.known(index).batch.into())
    }

    fn known(&self, index: usize) -> Known {
        self.0.borrow().get(index).copied().unwrap_or(Known::NOTHING)
    }

    /// Takes note of how long a run took.
    pub(super) fn learn(&self, index: usize, lasted: Duration) {
        self.change(index, |known| {
            let lasted = micros(lasted);
            known.mean = match known.mean {
                0 => lasted,
                mean => mean - mean / 8 + lasted / 8,
            }
            .max(1);
            // Up by one step and down by three it comes to rest where a quarter is below.
            known.quarter = match known.quarter {
                0 => lasted,
                quarter if lasted > quarter => (quarter + quarter / 16 + 1).min(lasted),
                quarter => (quarter - quarter * 3 / 16).max(lasted),
            }
            .max(1);
        });
    }

    /// Takes note of how long a batch took: the shortest counts, and is forgotten slowly, for what is longer may
    /// have waited for a processor.
    pub(super) fn learn_batch(&self, index: usize, lasted: Duration) {
        self.change(index, |known| {
            known.batch = micros(lasted).min(known.batch.saturating_add(known.batch / 64 + 1));
        });
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut Known)) {
        let mut all = self.0.borrow_mut();
        if all.len() <= index {
            all.resize(index + 1, Known::NOTHING);
        }
        change(&mut all[index]);
    }
}

fn micros(lasted: Duration) -> u32 {
    u32::try_from(lasted.min(LONGEST).as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(runs_us: impl IntoIterator<Item = u32>) -> Times {
        let times = Times::default();
        runs_us.into_iter().for_each(|it| times.learn(3, Duration::from_micros(it.into())));
        times
    }

    #[test]
    fn nothing_is_known_of_what_never_ran() {
        let times = after([]);
        assert_eq!((times.mean(3), times.quarter(3)), (Duration::ZERO, Duration::ZERO));
        assert_eq!(times.batch(3), Duration::from_micros(u32::MAX.into()));
    }

    /// Runs of `/rates` as they were timed on two processors with 15 others who wanted them; by itself a run
    /// takes half a millisecond.
    const STARVED_US: [u32; 24] = [
        27_153, 65_207, 50_601, 951, 45_110, 137_089, 11_766, 15_551, 143_392, 10_775, 71_130, 798,
        32_752, 22_341, 488, 382, 8_746, 80_625, 480, 6_767, 68_158, 581, 398, 32_282,
    ];

    #[test]
    fn waiting_for_a_processor_is_no_work() {
        let times = after((0..10).flat_map(|_| STARVED_US));
        assert!(times.mean(3) > Duration::from_millis(20), "{times:?}");
        assert!(times.quarter(3) < Duration::from_millis(5), "{times:?}");
    }

    #[test]
    fn what_works_for_long_is_known_for_it_from_its_first_run() {
        let long = || (0..40).map(|run| 30_000 + run % 7 * 9_000);
        for times in [
            after([30_000]),
            after(long()),
            after([400, 300].into_iter().chain((0..4).flat_map(|_| long()))),
        ] {
            assert!(times.quarter(3) >= Duration::from_millis(25), "{times:?}");
        }
        // And no more when it is quick again.
        let quick = after(long().chain((0..20).map(|_| 400)));
        assert!(quick.quarter(3) < Duration::from_millis(1), "{quick:?}");
    }

    #[test]
    fn the_shortest_batch_counts_and_is_forgotten_slowly() {
        let times = Times::default();
        for us in [900, 400, 8_000, 8_000] {
            times.learn_batch(0, Duration::from_micros(us));
        }
        assert_eq!(times.batch(0).as_micros(), 400 + 7 + 407 / 64 + 1);
    }
}
