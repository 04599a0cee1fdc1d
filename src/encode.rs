//! How rows are laid out in an answer.
//!
//! Owns the media types of results: what stands before, between and after the values. Each has a
//! room of its own: `json`, `ndjson`, `csv`, `arrow`; whoever sends rows chooses a [`Medium`] and knows
//! nothing more. Does not own how one value is written (`value`), nor where rows come from (`lane`) and
//! go (`http`), nor which medium a caller wants (`http::negotiation`).

pub mod arrow;
pub mod csv;
pub mod json;
pub mod ndjson;

use crate::{
    definition::file::ResultShape,
    value::{Malformed, Type},
};
use std::sync::Arc;

/// What rows can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Medium {
    /// JSON, in its shape and envelope.
    Json,
    /// A JSON object in each line.
    Ndjson,
    /// CSV with a header (RFC 4180).
    Csv,
    /// An Arrow IPC stream.
    Arrow,
}

impl Medium {
    /// Every medium, the one that is preferred first.
    pub const ALL: [Self; 4] = [Self::Json, Self::Ndjson, Self::Csv, Self::Arrow];

    /// The media type, as the `Content-Type` field has it.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// The media type without parameters.
    pub fn essence(self) -> &'static str {
        self.content_type().split(';').next().unwrap_or_default()
    }

    /// What a path ends with that asks for the medium, behind a dot.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
        }
    }
}

/// A plan of an endpoint's answer in one media type, made at start from its columns.
///
/// An answer is [`Layout::begin`], [`Layout::row`] for each row and [`Layout::end`], one behind the
/// other in one buffer or in pieces of it. Where the shape is one row or one value and there is no
/// row, there is no answer to lay out: the caller answers 404.
pub trait Layout: Send + Sync {
    /// Writes what stands before the first row.
    fn begin(&self, out: &mut Vec<u8>);

    /// Writes a row. `data_row` is the body of PostgreSQL's `DataRow` message with all values in
    /// binary form: the count of columns in two bytes, then for each column the length in four
    /// bytes (-1 is NULL) and the value. `first` says that no row was written before it. Where the
    /// shape is one row or one value, rows after the first are left out.
    ///
    /// # Errors
    /// The row is not what the plan was made for. `out` is then as it was before.
    fn row(&self, data_row: &[u8], first: bool, out: &mut Vec<u8>) -> Result<(), Malformed>;

    /// Writes what stands behind the last row.
    fn end(&self, out: &mut Vec<u8>);
}

/// A result's column, as far as writing it goes.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// The type's modifier as PostgreSQL has it (`atttypmod`), -1 when there is none.
    pub modifier: i32,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// The plans of an endpoint's answer in every medium.
#[derive(Clone)]
pub struct Layouts {
    json: Arc<dyn Layout>,
    ndjson: Arc<dyn Layout>,
    csv: Arc<dyn Layout>,
    arrow: Arc<arrow::Plan>,
}

impl Layouts {
    /// Plans the answers of an endpoint with these columns. The envelope is JSON's alone.
    pub fn new(shape: ResultShape, envelope: Option<&str>, columns: &[Column]) -> Self {
        let typed: Vec<(String, Type)> =
            columns.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
        Self {
            json: Arc::new(json::JsonRows::new(shape, envelope, &typed)),
            ndjson: Arc::new(ndjson::NdjsonRows::new(shape, &typed)),
            csv: Arc::new(csv::CsvRows::new(shape, &typed)),
            arrow: Arc::new(arrow::Plan::new(shape, columns)),
        }
    }

    /// What writes one answer in `medium`.
    pub fn encoder(&self, medium: Medium) -> Encoder {
        match medium {
            Medium::Json => Encoder::Plain(Arc::clone(&self.json)),
            Medium::Ndjson => Encoder::Plain(Arc::clone(&self.ndjson)),
            Medium::Csv => Encoder::Plain(Arc::clone(&self.csv)),
            Medium::Arrow => Encoder::Arrow(Box::new(arrow::Writer::new(&self.arrow))),
        }
    }
}

/// What writes one answer: [`Encoder::begin`], [`Encoder::row`] for each row, [`Encoder::end`].
pub enum Encoder {
    /// Each row is written when it comes.
    Plain(Arc<dyn Layout>),
    /// Rows are gathered into batches.
    Arrow(Box<arrow::Writer>),
}

impl Encoder {
    /// Writes what stands before the first row, and forgets the rows that came before.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Plain(layout) => layout.begin(out),
            Self::Arrow(writer) => writer.begin(out),
        }
    }

    /// Takes a row, as [`Layout::row`] does.
    ///
    /// # Errors
    /// The row is not what the plan was made for, or the medium has no form for one of its values.
    #[inline]
    pub fn row(
        &mut self,
        data_row: &[u8],
        first: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        match self {
            Self::Plain(layout) => layout.row(data_row, first, out),
            Self::Arrow(writer) => writer.row(data_row, first, out),
        }
    }

    /// Writes what is left, and what stands behind the last row.
    ///
    /// # Errors
    /// The medium has no form for what was gathered.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        match self {
            Self::Plain(layout) => {
                layout.end(out);
                Ok(())
            }
            Self::Arrow(writer) => writer.end(out),
        }
    }
}
