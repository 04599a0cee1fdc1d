//! What the rates service promises, in the words of those who use it: the `.feature` files, run
//! against the real binary and a real database.
//!
//! Prints what it ran and how many passed. A step that failed, that nothing defines or that was
//! skipped, and a file that cannot be read, all make it fail.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a step fails where it is wrong")]

mod steps;
#[path = "../suite"]
mod suite {
    pub(crate) mod support;
}
use suite::support;

use cucumber::{World as _, writer::Stats as _};
use std::process::ExitCode;

/// As many scenarios at a time: each one has its own database and its own service.
const AT_A_TIME: usize = 4;

#[tokio::main]
async fn main() -> ExitCode {
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/behaviour/features");
    // What `cargo test` gives its own harness, such as a filter, is not meant for this one.
    let run = steps::Rates::cucumber().with_default_cli().max_concurrent_scenarios(AT_A_TIME);
    let outcome = run.fail_on_skipped().run(features).await;
    let passed = outcome.passed_steps() > 0
        && outcome.failed_steps() == 0
        && outcome.skipped_steps() == 0
        && !outcome.execution_has_failed();
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
