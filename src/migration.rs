//! Migrations and seeds: the numbered SQL files that make a database what the service needs.
//!
//! Owns what such a file may be called, the history of those that were applied, running what is
//! still to be run, and saying which file is wrong and where. Does not own reading the folder, nor
//! where the database comes from. The running itself is the `refinery` crate's.

mod apply;
mod file;
mod history;
mod seed;
mod steps;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use file::{Migration, Migrations};
pub use history::{Applied, Plan, plan};
pub use seed::seed;
pub use steps::{KEEPER, Ledger, Step, apply_steps};

/// Something that happened on the way, for a line of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another instance is migrating the same database; this one waits for it.
    Waiting,
    /// A migration was applied.
    Applied {
        /// The file, as its source is shown.
        file: &'a str,
        /// How long it took.
        duration_ms: u64,
    },
    /// A seed file was run.
    Seeded {
        /// The file, as its source is shown.
        file: &'a str,
        /// How long it took.
        duration_ms: u64,
    },
    /// A seed file was run before and has changed since; it is not run again.
    SeedChanged {
        /// The file, as its source is shown.
        file: &'a str,
    },
}

/// Where progress is told.
pub type Listener<'a> = &'a (dyn Fn(Progress<'_>) + Sync);

fn elapsed_ms(since: std::time::Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
