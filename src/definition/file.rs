//! The endpoint file: TOML front matter in the leading block comment, then one statement.

use super::{
    parameter::Parameter,
    placeholder::Statement,
    route::{Method, PathTemplate},
};
use crate::{diagnostic::SourceFile, name::Identifier};
use std::sync::Arc;

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
    /// The lane it runs on, when it is not the method's own (`read` or `write`).
    pub lane: Option<Identifier>,
    /// The parameters in the order they are declared, those of the path that are not declared too.
    pub parameters: Vec<Parameter>,
    /// The statement.
    pub statement: Statement,
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
