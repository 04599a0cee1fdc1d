//! Access requests: leave to use the database for a while, given by other people.
//!
//! Owns requests, decisions and temporary logins from the first to the last, and what is told of
//! them. The rules stand in the database, where no other way leads past them (`sql/`). Does not own
//! who may call an endpoint of the service (`access`), nor the keeper's listener.

pub mod ending;
pub mod policy;
pub mod refusal;
pub mod store;

/// The tables and functions in the keeper's schema: file names, in order, and texts.
pub const MIGRATIONS: &[crate::migration::Step] = &[
    ("210_access_tables.sql", include_str!("approval/sql/210_access_tables.sql")),
    ("211_access_functions.sql", include_str!("approval/sql/211_access_functions.sql")),
    ("212_access_ends.sql", include_str!("approval/sql/212_access_ends.sql")),
    ("213_access_actions.sql", include_str!("approval/sql/213_access_actions.sql")),
];
