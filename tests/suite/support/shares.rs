//! Long work in shares that go on at the same time, each on a server of its own.
//!
//! Owns who takes which piece, and says how far the whole is. `HOWDAH_CHAOS_AT_ONCE` says how many shares there
//! are; one, unless it does.

use super::{
    database::Database,
    postgres::{Cluster, cluster},
};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

/// Into how many lines of progress the whole is cut.
const LINES: u64 = 50;

/// The number in `variable`, or `usual`.
pub fn number(variable: &str, usual: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(usual, |it| it.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// How many shares go on at once.
pub fn at_once() -> u64 {
    number("HOWDAH_CHAOS_AT_ONCE", 1).max(1)
}

/// A number of equal pieces, of which each share takes the next until none is left.
#[derive(Debug)]
pub struct Work {
    what: String,
    total: u64,
    /// Pieces that were taken, and that were done.
    counts: Mutex<(u64, u64)>,
    begun: Instant,
    is_failed: AtomicBool,
}

impl Work {
    /// So many pieces of `what`.
    pub fn new(what: &str, total: u64) -> Self {
        let (counts, begun) = (Mutex::new((0, 0)), Instant::now());
        Self { what: what.to_owned(), total, counts, begun, is_failed: AtomicBool::new(false) }
    }

    /// The number of the next piece; none when all were taken, or when a share has failed.
    pub fn take(&self) -> Option<u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.0 == self.total || self.is_failed.load(Ordering::Relaxed) {
            return None;
        }
        counts.0 += 1;
        Some(counts.0 - 1)
    }

    /// One more is done. A long work says now and then how far it is.
    pub fn done(&self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.1 += 1;
        let (done, total) = (counts.1, self.total);
        if total >= LINES && done * LINES / total > (done - 1) * LINES / total {
            let elapsed_s = self.begun.elapsed().as_secs();
            println!("\nprogress\t{}: {done} of {total} after {elapsed_s} s", self.what);
        }
    }

    /// How many were done.
    pub fn count(&self) -> u64 {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Runs `share` as often at once as is asked for; gives what each gave. When one panics, the others
    /// take no more, and so does the whole. All pieces are done when this comes back.
    pub fn share<T: Send>(&self, share: impl Fn(&Self) -> T + Sync) -> Vec<T> {
        let shares = at_once().min(self.total);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let begin = |_| {
                scope.spawn(|| {
                    let outcome =
                        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| share(self)));
                    self.is_failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
                    outcome
                })
            };
            let threads: Vec<_> = (0..shares).map(begin).collect();
            threads.into_iter().map(|it| it.join().unwrap_or_else(Err)).collect()
        });
        let done: Result<Vec<T>, _> = outcomes.into_iter().collect();
        let done = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        assert_eq!(self.count(), self.total, "{}: all of it", self.what);
        done
    }
}

/// Where one share works.
#[derive(Debug)]
pub struct Place {
    /// A server of its own, where several shares go on.
    own: Option<Cluster>,
}

impl Place {
    /// A place for one share.
    pub fn new() -> Self {
        Self { own: (at_once() > 1).then(Cluster::start) }
    }

    /// A fresh database there.
    pub fn database(&self) -> Database {
        Database::create(self.own.as_ref().unwrap_or_else(|| cluster()))
    }
}

#[test]
fn each_piece_is_done_once_and_one_that_fails_fails_the_whole() {
    let work = Work::new("pieces", 7);
    let seen: Vec<u64> = std::thread::scope(|scope| {
        let share = || std::iter::from_fn(|| work.take().inspect(|_| work.done())).collect();
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(share)).collect();
        threads.into_iter().flat_map(|it| it.join().unwrap_or_else(|_| Vec::new())).collect()
    });
    let mut sorted = seen;
    sorted.sort_unstable();
    assert_eq!((sorted, work.count()), ((0..7).collect(), 7));
    let work = Work::new("pieces", 7);
    let whole = std::panic::AssertUnwindSafe(|| {
        work.share(|work| {
            assert_ne!(work.take(), Some(0), "the first fails");
        });
    });
    assert!(std::panic::catch_unwind(whole).is_err());
    assert_eq!(work.take(), None, "nobody goes on");
    // Pieces that nobody did are found, too.
    let work = Work::new("pieces", 7);
    let whole = std::panic::AssertUnwindSafe(|| work.share(Work::take));
    assert!(std::panic::catch_unwind(whole).is_err());
}
