//! A statement as every connection prepares it, and the shape it must have there.

use super::batch::Batch;
use crate::definition::{file::plan::PlanMode, placeholder::first_words};
use std::sync::Arc;

/// A statement that the type checker has seen. Connections prepare it under its name when they
/// first need it, and check that its shape is still the one it was seen with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Its place among the statements of the lanes' connections, which keep their state by it. What
    /// answers a probe has place 0.
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
    /// Whether calls with the same arguments, sent at the same moment, get the same rows: it only
    /// reads, and nothing in it is different each time it is asked. Such calls may share one run.
    pub repeatable: bool,
    /// How the server plans it.
    pub plan: PlanMode,
    /// Its form that answers many calls at once, when it has one.
    pub batch: Option<Arc<Batch>>,
}

impl Prepared {
    /// The same statement in another place, under the name that goes with it.
    #[must_use]
    pub fn renumbered(&self, index: usize) -> Self {
        let name = format!("howdah_{index}");
        let batch = self.batch.as_ref().map(|batch| {
            let many = Self { index, name: format!("{name}_many"), ..(*batch.statement).clone() };
            Arc::new(Batch { statement: Arc::new(many), elements: batch.elements.clone() })
        });
        Self { index, name, batch, ..self.clone() }
    }

    /// Whether it calls a procedure, which may end its transaction and begin another.
    pub fn calls(&self) -> bool {
        let sql = self.sql.as_bytes();
        let may = sql.windows(4).any(|word| word.eq_ignore_ascii_case(b"CALL"));
        may && first_words(&self.sql)
            .first()
            .is_some_and(|word| self.sql[word.clone()].eq_ignore_ascii_case("CALL"))
    }
}
