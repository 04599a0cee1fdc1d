//! The harness: a real PostgreSQL, a network that a test can break, and the real binary.
//!
//! Owns what a test needs around the thing it tests. Does not own any expectation. The behaviour
//! tests include it too.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses the part it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken harness must stop the test")]

pub mod database;
pub mod folder;
pub mod ports;
pub mod postgres;
pub mod proxy;
