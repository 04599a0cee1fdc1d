//! The harness: a real PostgreSQL, a network that a test can break, and the real binary.
//!
//! Owns what a test needs around the thing it tests. Does not own any expectation. The behaviour
//! tests include it too.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses the part it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken harness must stop the test")]

pub mod authority;
pub mod database;
pub mod folder;
pub mod http;
pub mod keeper;
pub mod middle;
pub mod planted;
pub mod pooler;
pub mod ports;
pub mod postgres;
pub mod processes;
pub mod proxy;
pub mod reaper;
pub mod relay;
pub mod service;
pub mod shares;

use std::time::{Duration, Instant};

/// Asks `done` again and again until it says yes; gives how long that took. Panics with `what` when
/// `limit` is over.
pub fn eventually(what: &str, limit: Duration, mut done: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    loop {
        if done() {
            return start.elapsed();
        }
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
