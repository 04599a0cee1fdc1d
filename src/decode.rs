//! Bodies of many rows, read as they arrive: NDJSON, CSV or a JSON array to the rows of a COPY.
//!
//! Owns the three formats, which line is wrong and why, and the rows' own form. Bodies come in
//! chunks that are cut anywhere; no more than one record is kept, and no record takes memory of its
//! own. Does not own what a value may be (`value::argument`), the table (`endpoint`), nor where the
//! rows go (`service`).

mod csv;
mod fault;
mod json;
mod line_map;
mod lines;
mod ndjson;
mod object;
mod row;
#[cfg(test)]
mod tests;

pub use fault::{Fault, MAX_FAULTS};

use crate::value::{Type, argument::copy::Form};
use fault::Faults;
use line_map::LineMap;
use row::Row;
use std::sync::Arc;

/// The longest record, in bytes: a line of NDJSON, a record of CSV, an element of a JSON array.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// The media types that are read, with their formats.
pub const MEDIA_TYPES: [(&str, Format); 5] = [
    ("application/x-ndjson", Format::Ndjson),
    ("application/ndjson", Format::Ndjson),
    ("application/jsonl", Format::Ndjson),
    ("text/csv", Format::Csv),
    ("application/json", Format::Json),
];

/// How a body's rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object per line.
    Ndjson,
    /// RFC 4180, with a header record.
    Csv,
    /// A JSON array of objects.
    Json,
}

/// A column that rows give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, as rows have it.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether it takes NULL.
    pub nullable: bool,
}

/// The columns that each row gives, and how COPY takes them.
#[derive(Clone, Debug)]
pub struct Columns {
    columns: Vec<Column>,
    form: Form,
}

impl Columns {
    /// These columns in the order of the COPY.
    pub fn new(columns: Vec<Column>) -> Self {
        let form = Form::of(columns.iter().map(|column| &column.ty));
        Self { columns, form }
    }

    /// The columns in their order.
    pub fn all(&self) -> &[Column] {
        &self.columns
    }

    /// How the COPY takes them.
    pub fn form(&self) -> Form {
        self.form
    }
}

/// Whether there is a use in more of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// More may come.
    More,
    /// Too much is wrong, or what is wrong leaves no way to go on.
    Enough,
}

/// Reads one body. Rows are appended to `out` until something is wrong; from then on only what else
/// is wrong is looked for.
pub struct Decoder {
    body: Body,
    parser: Parser,
}

/// What all formats share.
struct Body {
    columns: Arc<Columns>,
    row: Row,
    faults: Faults,
    lines: LineMap,
    /// Records so far.
    rows: u64,
    max_rows: u64,
    /// How deep a value may nest.
    max_depth: usize,
    /// The first bytes, while they may be a byte order mark.
    head: Option<Vec<u8>>,
}

enum Parser {
    Ndjson(ndjson::Parser),
    Csv(csv::Parser),
    Json(json::Parser),
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl Decoder {
    /// A decoder for a body of at most `max_rows` rows, whose values nest at most `max_depth` deep.
    pub fn new(format: Format, columns: Arc<Columns>, max_rows: u64, max_depth: usize) -> Self {
        let parser = match format {
            Format::Ndjson => Parser::Ndjson(ndjson::Parser::default()),
            Format::Csv => Parser::Csv(csv::Parser::default()),
            Format::Json => Parser::Json(json::Parser::default()),
        };
        let body = Body {
            row: Row::new(columns.all().len()),
            columns,
            faults: Faults::default(),
            lines: LineMap::default(),
            rows: 0,
            max_rows,
            max_depth,
            head: Some(Vec::new()),
        };
        Self { body, parser }
    }

    /// Reads the next bytes of the body and appends their rows to `out`.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Next {
        let Some(mut head) = self.body.head.take() else { return self.feed(chunk, out) };
        head.extend_from_slice(chunk);
        if head.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(&head) {
            self.body.head = Some(head);
            return Next::More;
        }
        let rest = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&head);
        self.feed(rest, out)
    }

    /// The body has ended: reads what is left of it.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(head) = self.body.head.take()
            && self.feed(&head, out) == Next::Enough
        {
            return;
        }
        match &mut self.parser {
            Parser::Ndjson(parser) => parser.finish(&mut self.body, out),
            Parser::Csv(parser) => parser.finish(&mut self.body, out),
            Parser::Json(parser) => parser.finish(&mut self.body),
        }
    }

    fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Next {
        if self.body.faults.is_full() {
            return Next::Enough;
        }
        match &mut self.parser {
            Parser::Ndjson(parser) => parser.push(chunk, &mut self.body, out),
            Parser::Csv(parser) => parser.push(chunk, &mut self.body, out),
            Parser::Json(parser) => parser.push(chunk, &mut self.body, out),
        }
    }

    /// What is wrong so far, the first of it.
    pub fn faults(&self) -> &[Fault] {
        self.body.faults.all()
    }

    /// Whether rows were more than the endpoint takes.
    pub fn has_too_many_rows(&self) -> bool {
        self.body.rows > self.body.max_rows
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.body.rows
    }

    /// The line on which row `row` begins, the first is 1; nothing where that was not kept.
    pub fn line_of(&self, row: u64) -> Option<u64> {
        self.body.lines.line_of(row)
    }
}

impl Body {
    /// A record begins on `line`. `false` when there are too many.
    fn begin(&mut self, line: u64) -> bool {
        self.rows += 1;
        self.lines.row_at(self.rows, line);
        self.row.clear();
        self.rows <= self.max_rows
    }

    /// The record is complete: appends its row, unless something is or was wrong.
    fn end(&mut self, out: &mut Vec<u8>) -> Next {
        if self.faults.is_empty() {
            self.row.write(self.columns.form, out);
        }
        self.next()
    }

    fn next(&self) -> Next {
        if self.faults.is_full() { Next::Enough } else { Next::More }
    }

    /// Takes note of what is wrong with the current record as a whole.
    fn refuse(&mut self, line: u64, detail: impl Into<String>) {
        let row = Some(self.rows).filter(|row| *row > 0);
        self.faults.push(Fault { line, row, field: None, detail: detail.into() });
    }

    /// Takes note of what is wrong, after which nothing can be told of the rest.
    fn give_up(&mut self, line: u64, detail: impl Into<String>) -> Next {
        self.refuse(line, detail);
        self.faults.close();
        Next::Enough
    }

    /// Takes note of what is wrong with column `at` of the current record.
    fn refuse_column(&mut self, line: u64, at: usize, why: &str) {
        let Some(column) = self.columns.columns.get(at) else { return };
        let detail = format!("`{}` {why}", column.name);
        self.refuse_field(line, column.name.clone(), detail);
    }

    fn refuse_field(&mut self, line: u64, field: String, detail: String) {
        let row = Some(self.rows).filter(|row| *row > 0);
        self.faults.push(Fault { line, row, field: Some(field), detail });
    }

    /// The record began on `line` and is longer than any may be.
    fn too_long(&mut self, line: u64, what: &str) -> Next {
        self.give_up(line, format!("the {what} is longer than {MAX_RECORD_BYTES} bytes"))
    }
}
