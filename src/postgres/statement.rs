//! A statement as every connection prepares it, and the shape it must have there.

/// A statement that the type checker has seen. Connections prepare it under its name when they
/// first need it, and check that its shape is still the one it was seen with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its place in the service, from 0 without gaps; connections keep their state by it.
    pub index: usize,
    /// The name on the server.
    pub name: String,
    /// What a person knows it by: the endpoint's file.
    pub label: String,
    /// The SQL with `$n`.
    pub sql: String,
    /// The OIDs of `$1`, `$2`, …
    pub parameters: Vec<u32>,
    /// The OIDs of the columns; empty when the statement returns none.
    pub columns: Vec<u32>,
}
