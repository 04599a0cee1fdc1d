//! Rotation: giving an application a new credential, with no request failing for it.
//!
//! Owns the protocol: the phases, the state and its only writer, what is done in each phase, the
//! sinks that a credential is published to, and the check that finds what others have changed. Does
//! not own when a keeper leads, nor its listener (`keeper`), nor following a credential (`startup`,
//! `supervise`).
//!
//! The application's role owns everything and signs in nowhere. Two logins are its members and act
//! as it; they take turns. A new generation gives the one that stands by a new password, proves it,
//! publishes it, waits until it is used, and only then takes the other's away.

mod check;
mod engine;
mod ledger;
#[cfg(test)]
mod model;
pub mod role;
mod sessions;
pub mod setup;
pub mod sink;
pub mod state;
mod status;
mod trouble;
mod verify;

pub use check::Looked;
pub use engine::{Refused, Rotation, Settings, Step};
pub use ledger::{Failure, Leave};
pub use status::{Status, status};

/// The state's tables in the keeper's schema.
pub const MIGRATIONS: &[crate::migration::Step] = &[
    ("110_rotation.sql", include_str!("rotation/sql/110_rotation.sql")),
    ("111_rotation_trouble.sql", include_str!("rotation/sql/111_rotation_trouble.sql")),
];
