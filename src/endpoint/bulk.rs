//! An endpoint that loads rows: a definition whose table PostgreSQL has shown.
//!
//! Owns what joins `copy` to the table (columns with types, the key of a conflict, the SQL) and every
//! diagnostic that the two together give. Does not own reading rows (`decode`) nor running
//! (`service`).

mod sql;
mod typing;

pub use typing::prepare;

use crate::{
    decode::Columns,
    definition::file::{self, copy},
    name::Identifier,
};
use std::sync::Arc;

/// An endpoint that can load rows.
pub struct Bulk {
    /// Its file.
    pub definition: Arc<file::Endpoint>,
    /// What it loads.
    pub copy: copy::Copy,
    /// The columns that each row gives.
    pub columns: Arc<Columns>,
    /// How it is done.
    pub sql: Sql,
    /// The lane it runs on.
    pub lane: Identifier,
}

/// The statements of a load, in their order, within one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sql {
    /// Makes the staging table, where there is one.
    pub stage: Option<String>,
    /// The COPY.
    pub copy: String,
    /// Counts the columns whose type is still the one that the COPY was made for, where PostgreSQL would
    /// not see that it is another one: values in binary form say nothing of what they are.
    pub check: Option<String>,
    /// Moves rows from the staging table to their own, where there is one.
    pub merge: Option<Merge>,
}

/// How rows come from the staging table to their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The statement.
    pub sql: String,
    /// Whether it gives two counts, of rows that were written and of those that are new; else its
    /// tag counts the rows that are new.
    pub counts: bool,
}
