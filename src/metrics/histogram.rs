//! Durations by how long they were.

use super::cells::Count;
use std::time::Duration;

/// The upper bounds of the buckets, in nanoseconds, and as they are written, in seconds. From what a
/// route without SQL takes to the longest deadline that somebody would wait for.
pub(super) const BOUNDS: [(u64, &str); 16] = [
    (100_000, "0.0001"),
    (250_000, "0.00025"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1.0"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5.0"),
    (10_000_000_000, "10.0"),
];

/// The number of buckets: the last one has no bound.
const BUCKETS: usize = BOUNDS.len() + 1;

/// Durations that one thread counts.
#[derive(Default)]
pub(super) struct Histogram {
    buckets: [Count; BUCKETS],
    sum_ns: Count,
}

impl Histogram {
    /// Counts one.
    pub(super) fn add(&self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|(bound, _)| ns <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].add(1);
        self.sum_ns.add(ns);
    }
}

/// Durations of all threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Durations {
    buckets: [u64; BUCKETS],
    sum_ns: u64,
}

impl Durations {
    /// Takes in what a thread has counted.
    pub(super) fn add(&mut self, other: &Histogram) {
        for (sum, count) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum = sum.wrapping_add(count.read());
        }
        self.sum_ns = self.sum_ns.wrapping_add(other.sum_ns.read());
    }

    /// How many are at most as long as each bound, and how many there are.
    pub(super) fn cumulative(&self) -> [u64; BUCKETS] {
        let mut sum = 0_u64;
        self.buckets.map(|count| {
            sum = sum.wrapping_add(count);
            sum
        })
    }

    /// All of them together, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "a float has 15 digits, and a clock has not")]
    pub(super) fn seconds(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }
}
