//! The one error that leaves: RFC 9457 `application/problem+json`.
//!
//! Owns what a caller is told when a request fails. SQL text, schema names and row data have no
//! field here, so they cannot leave. Does not own how it is sent (`http::response`).

mod code;
#[cfg(test)]
mod document;
pub mod sqlstate;

pub use code::Code;

use serde_json::{Value, json};

/// Where an argument stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// A segment of the path.
    Path,
    /// The query string.
    Query,
    /// A header field.
    Header,
    /// The body.
    Body,
}

impl Location {
    /// As it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Body => "body",
        }
    }
}

/// What is wrong with one argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError {
    /// Where it stands.
    pub location: Location,
    /// The name that the caller used or should have used.
    pub parameter: String,
    /// What is wrong, as a sentence for the caller; never the argument itself.
    pub detail: String,
}

/// What is wrong with one row of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The line of the body on which it begins; the first is 1.
    pub line: Option<u64>,
    /// Which row it is; the first is 1.
    pub row: Option<u64>,
    /// The field, where it is one.
    pub field: Option<String>,
    /// What is wrong, as a sentence for the caller; never a value.
    pub detail: String,
}

/// Why a request was not answered, written for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    errors: Vec<ArgumentError>,
    rows: Vec<RowError>,
    retry_after_s: Option<u32>,
    allow: Option<String>,
}

impl Problem {
    /// A problem with nothing more to say than its code.
    pub fn new(code: Code) -> Self {
        let retry_after_s = (code.status() == 503).then_some(1);
        Self {
            code,
            detail: None,
            errors: Vec::new(),
            rows: Vec::new(),
            retry_after_s,
            allow: None,
        }
    }

    /// Says in a sentence what this caller should know.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The problem that lists every wrong argument at once.
    pub fn arguments(errors: Vec<ArgumentError>) -> Self {
        Self { errors, ..Self::new(Code::InvalidArguments) }
    }

    /// The problem that lists wrong rows.
    pub fn rows(code: Code, rows: Vec<RowError>) -> Self {
        Self { rows, ..Self::new(code) }
    }

    /// Says which row it is about.
    #[must_use]
    pub fn with_row(mut self, row: RowError) -> Self {
        self.rows.push(row);
        self
    }

    /// When to try again, in seconds.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The methods that the path has, for the `Allow` field of a 405.
    #[must_use]
    pub fn allow(mut self, methods: impl Into<String>) -> Self {
        self.allow = Some(methods.into());
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.code.status()
    }

    /// Seconds for the `Retry-After` field.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after_s
    }

    /// The value of the `Allow` field.
    pub fn allowed(&self) -> Option<&str> {
        self.allow.as_deref()
    }

    /// The members of the problem document (RFC 9457 §3.1, with `code`, `request_id` and `errors`
    /// as extensions).
    pub fn to_json(&self, request_id: &str) -> Value {
        let mut object = json!({
            "type": format!("urn:howdah:problem:{}", self.code.slug()),
            "title": self.code.title(),
            "status": self.status(),
            "code": self.code.slug(),
            "request_id": request_id,
        });
        if let Some(detail) = &self.detail {
            object["detail"] = detail.as_str().into();
        }
        if !self.errors.is_empty() {
            object["errors"] = self
                .errors
                .iter()
                .map(|error| {
                    json!({
                        "in": error.location.as_str(),
                        "parameter": error.parameter,
                        "detail": error.detail,
                    })
                })
                .collect();
        }
        if !self.rows.is_empty() {
            object["errors"] = self.rows.iter().map(RowError::to_json).collect();
        }
        object
    }
}

impl RowError {
    fn to_json(&self) -> Value {
        let mut object = json!({ "in": Location::Body.as_str(), "detail": self.detail });
        if let Some(line) = self.line {
            object["line"] = line.into();
        }
        if let Some(row) = self.row {
            object["row"] = row.into();
        }
        if let Some(field) = &self.field {
            object["field"] = field.as_str().into();
        }
        object
    }
}
