//! The endpoint file: TOML front matter in the leading block comment, then one statement.
//!
//! Owns how the two halves are found and how they must agree. Does not own the statement
//! (`placeholder`), the parameters (`parameter`) nor where files are (`startup`).

mod agreement;
pub mod copy;
mod delivery;
mod front_matter;
pub mod page;
pub mod plan;
mod repeat;
#[cfg(test)]
mod tests;

pub use delivery::Delivery;
pub use repeat::{Cache, Idempotency, Repeats};

use super::{
    guard::Guard,
    parameter::Parameter,
    placeholder::{self, Statement},
    route::{Method, PathTemplate},
};
use crate::{
    diagnostic::{Code, Diagnostics, SourceFile},
    name::Identifier,
};
use std::{ops::Range, sync::Arc};

/// The most rows an endpoint gives when its file does not say.
pub const DEFAULT_MAX_ROWS: u32 = 10_000;
/// The greatest `max_rows` that a file may say.
pub const GREATEST_MAX_ROWS: u32 = 1_000_000_000;

/// What a file under `endpoints/` says.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The file.
    pub source: Arc<SourceFile>,
    /// The file's path below `endpoints/`, without `.sql`: `ports/one`.
    pub name: String,
    /// The method.
    pub method: Method,
    /// The path.
    pub path: PathTemplate,
    /// One line for the documentation.
    pub summary: Option<String>,
    /// More for the documentation.
    pub description: Option<String>,
    /// Groups for the documentation.
    pub tags: Vec<String>,
    /// The shape of the answer.
    pub result: ResultShape,
    /// The member that wraps the result, when there is one.
    pub envelope: Option<String>,
    /// The most rows the endpoint gives; more are a problem.
    pub max_rows: u32,
    /// How its rows are given page by page; `max_rows` is then the largest page.
    pub page: Option<page::Page>,
    /// How its answer is delivered.
    pub delivery: Delivery,
    /// What becomes of a request that comes again.
    pub repeats: Repeats,
    /// The lane it runs on, when it is not the method's own (`read` or `write`).
    pub lane: Option<Identifier>,
    /// Who may call it, and how often.
    pub guard: Guard,
    /// The bytes of the file that say that its requests go to the audit trail, where they do.
    pub audit: Option<Range<usize>>,
    /// Whether one execution may answer many calls, where PostgreSQL says that it can.
    pub batch: bool,
    /// How the server plans the statement.
    pub plan: plan::PlanMode,
    /// The parameters in the order they are declared, those of the path that are not declared too.
    pub parameters: Vec<Parameter>,
    /// The statement; empty where rows are loaded.
    pub statement: Statement,
    /// What is loaded, in the place of a statement.
    pub copy: Option<copy::Copy>,
}

/// The shape of an endpoint's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultShape {
    /// An array of objects.
    Rows,
    /// One object; 404 when there is no row.
    Row,
    /// The first column of the one row; 404 when there is no row.
    Value,
    /// Nothing: 204.
    None,
}

impl ResultShape {
    /// Every shape, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Rows, Self::Row, Self::Value, Self::None];

    /// The shape as front matter writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Row => "row",
            Self::Value => "value",
            Self::None => "none",
        }
    }
}

/// Reads the endpoint file `source`, whose path below `endpoints/` without `.sql` is `name`; with
/// the warnings, when there are any.
///
/// # Errors
/// Every mistake in front matter and statement that can be found without a database.
pub fn read(source: &Arc<SourceFile>, name: &str) -> Result<(Endpoint, Diagnostics), Diagnostics> {
    let place = match front_matter::find(source) {
        Ok(place) => place,
        Err((mut diagnostics, rest)) => {
            if let Some(rest) = rest {
                diagnostics.append(placeholder::examine(source, rest).1);
            }
            return Err(diagnostics);
        }
    };
    let (said, is_copy, mut diagnostics) = front_matter::read(source, &place)?;
    if is_copy {
        diagnostics.append(copy::refuse_statement(source, &place));
        let none = Statement::none(place.end);
        let endpoint = said.map(|said| said.endpoint(source, name, none));
        diagnostics.sort();
        return diagnostics.into_result(endpoint);
    }
    let (statement, errors) = placeholder::examine(source, place.end..source.text().len());
    if let (Some(said), Some(statement)) = (&said, &statement) {
        diagnostics.append(agreement::check(source, said, statement, errors.is_empty()));
    }
    diagnostics.append(errors);
    let endpoint = said.zip(statement);
    let endpoint = endpoint.map(|(said, statement)| said.endpoint(source, name, statement));
    diagnostics.sort();
    diagnostics.into_result(endpoint)
}
