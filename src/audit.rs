//! The audit trail: what happened, kept so that nobody can change it unseen.
//!
//! Owns the inbox that operations write to, the tree over its entries, the checkpoints that leave
//! the database, and checking all of that from an export alone. Does not own what is told (each
//! operation tells its own), nor the process that runs the sequencer.

pub mod checkpoint;
pub mod export;
pub mod inbox;
pub mod leaf;
pub mod note;
pub mod place;
pub mod sequencer;
pub mod tree;
pub mod verify;

/// The tables and functions of the trail in the keeper's schema: file names, in order, and texts.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("200_audit_inbox.sql", include_str!("audit/sql/200_audit_inbox.sql")),
    ("201_audit_trail.sql", include_str!("audit/sql/201_audit_trail.sql")),
    ("202_audit_services.sql", include_str!("audit/sql/202_audit_services.sql")),
];
