//! Parameters: what an endpoint takes, from where, and what it refuses.
//!
//! Owns the `[parameters]` table of endpoint files and routes, and the facets. Does not own types
//! (`value`) nor where in a request an argument stands (`http::arguments`).

mod decimal;
mod facet;
mod read;
mod typed;

pub(super) use read::declaration_line;
pub use read::{implied, read};
pub use typed::Typed;

use crate::name::Identifier;
use serde_json::Value;
use std::ops::Range;

/// Where an argument comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A segment of the path.
    Path,
    /// The query string.
    Query,
    /// A member of the JSON or form body.
    Body,
    /// A header field, by its lower-case name.
    Header(String),
    /// A claim of the caller.
    Claim(String),
}

/// What happens when the argument is left out.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// It is refused.
    Required,
    /// It is NULL.
    Optional,
    /// It is this.
    Default(Value),
}

/// A declared parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, in the request and after the colon in the statement.
    pub name: Identifier,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it may be left out.
    pub presence: Presence,
    /// The type as the front matter states it; otherwise PostgreSQL says.
    pub type_name: Option<String>,
    /// One line for the documentation.
    pub description: Option<String>,
    /// An example for the documentation.
    pub example: Option<Value>,
    /// What it refuses beside its type.
    pub facets: Facets,
    /// The bytes of the file where it is declared; where the path names it, when it is not.
    pub span: Range<usize>,
    /// Whether `[parameters]` declares it; otherwise the path alone implies it.
    pub declared: bool,
    /// The bytes of the file for each key of the declaration's table.
    pub places: Vec<(&'static str, Range<usize>)>,
}

impl Parameter {
    /// The bytes of the file that state `key`, or the whole declaration.
    pub fn place(&self, key: &str) -> Range<usize> {
        let place = self.places.iter().find(|(known, _)| *known == key);
        place.map_or_else(|| self.span.clone(), |(_, span)| span.clone())
    }
}

/// The JSON Schema facets (Draft 2020-12 validation, §6.1 to §6.3) that a parameter may state.
#[derive(Clone, Debug, Default)]
pub struct Facets {
    /// The least value.
    pub minimum: Option<serde_json::Number>,
    /// The greatest value.
    pub maximum: Option<serde_json::Number>,
    /// The least length in characters.
    pub min_length: Option<usize>,
    /// The greatest length in characters.
    pub max_length: Option<usize>,
    /// The pattern as written, and compiled to match the whole value.
    pub pattern: Option<(String, regex::Regex)>,
    /// The only values allowed.
    pub allowed: Option<Vec<Value>>,
}

impl PartialEq for Facets {
    fn eq(&self, other: &Self) -> bool {
        self.minimum == other.minimum
            && self.maximum == other.maximum
            && self.min_length == other.min_length
            && self.max_length == other.max_length
            && self.pattern.as_ref().map(|it| &it.0) == other.pattern.as_ref().map(|it| &it.0)
            && self.allowed == other.allowed
    }
}
