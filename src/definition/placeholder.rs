//! The placeholder lexer: every `:name` becomes `$n`, and nothing else changes.

use crate::name::Identifier;

/// A statement with its placeholders numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The SQL as PostgreSQL gets it: `:name` replaced by `$n`, all other bytes as they were.
    pub sql: String,
    /// The parameter behind each `$n`, `$1` first. A name used twice has one number.
    pub parameters: Vec<Identifier>,
    /// For each placeholder in order of appearance: its bytes in the file, its bytes in `sql`, and
    /// the index of its parameter.
    pub uses: Vec<Use>,
    /// Where the statement begins in the file.
    pub offset: usize,
}

/// One placeholder in a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Its bytes in the file, the colon included.
    pub file_span: std::ops::Range<usize>,
    /// Its bytes in [`Statement::sql`].
    pub sql_span: std::ops::Range<usize>,
    /// The index into [`Statement::parameters`].
    pub parameter: usize,
}
