//! CSV (RFC 4180), read strictly: a header record names the columns in any order, records end with
//! LF or CRLF, fields with a comma, a quote, CR or LF in them stand in quotes.
//!
//! An empty field is NULL, and an empty field in quotes the empty string, as PostgreSQL's own CSV
//! has it. An empty line is passed over, but in a table of one column, where it is NULL.

mod header;
mod split;

use super::{Body, MAX_RECORD_BYTES, Next, row::Slot};
use crate::value::argument::copy;
use header::Header;
use memchr::memchr_iter;
use split::{Field, Splitter, fields};

const RECORD: &str = "record";

/// Divides a body into records.
#[derive(Default)]
pub(super) struct Parser {
    header: Option<Header>,
    splitter: Splitter,
    /// The begin of a record whose end has not come.
    kept: Vec<u8>,
    /// Line feeds passed.
    lines: u64,
    /// Fields of a record that have quotes in them, without those.
    unquoted: Vec<u8>,
}

impl Parser {
    pub(super) fn push(&mut self, chunk: &[u8], body: &mut Body, out: &mut Vec<u8>) -> Next {
        let mut rest = chunk;
        while let Some(end) = self.splitter.end_of_record(rest) {
            let (record, behind) = (&rest[..end], &rest[end + 1..]);
            rest = behind;
            let next = if self.kept.is_empty() {
                self.record(record, body, out)
            } else {
                let mut kept = std::mem::take(&mut self.kept);
                kept.extend_from_slice(record);
                let next = self.record(&kept, body, out);
                kept.clear();
                self.kept = kept;
                next
            };
            // The line feed that ended it.
            self.lines += 1;
            if next == Next::Enough {
                return next;
            }
        }
        if self.kept.len() + rest.len() > MAX_RECORD_BYTES {
            return self.too_long(body);
        }
        self.kept.extend_from_slice(rest);
        Next::More
    }

    pub(super) fn finish(&mut self, body: &mut Body, out: &mut Vec<u8>) {
        let kept = std::mem::take(&mut self.kept);
        if self.splitter.is_in_quotes() {
            let _ = body.begin(self.lines + 1);
            let _ = body.give_up(self.lines + 1, "a field in quotes is not closed");
            return;
        }
        if !kept.is_empty() && self.record(&kept, body, out) == Next::Enough {
            return;
        }
        if self.header.is_none() {
            let _ = body.give_up(1, "the header record is missing");
        }
    }

    fn too_long(&self, body: &mut Body) -> Next {
        if self.splitter.is_in_quotes() {
            return body.give_up(
                self.lines + 1,
                format!(
                    "the record is longer than {MAX_RECORD_BYTES} bytes; a field in quotes may \
                     not be closed"
                ),
            );
        }
        body.too_long(self.lines + 1, RECORD)
    }

    /// Takes one record, without the line feed that ends it.
    fn record(&mut self, record: &[u8], body: &mut Body, out: &mut Vec<u8>) -> Next {
        let line = self.lines + 1;
        self.lines += memchr_iter(b'\n', record).count() as u64;
        let record = record.strip_suffix(b"\r").unwrap_or(record);
        if record.len() > MAX_RECORD_BYTES {
            return self.too_long(body);
        }
        if record.is_empty() && (self.header.is_none() || body.columns.all().len() > 1) {
            return Next::More;
        }
        let Some(header) = &self.header else {
            self.header = Header::read(record, line, body, &mut self.unquoted);
            return if self.header.is_some() { Next::More } else { Next::Enough };
        };
        if !body.begin(line) {
            return Next::Enough;
        }
        let Ok(text) = std::str::from_utf8(record) else {
            body.refuse(line, "the record is not UTF-8");
            return body.next();
        };
        let mut count = 0;
        let result = fields(text, &mut self.unquoted, |field| {
            if let Some(at) = header.column(count) {
                take(at, &field, line, body);
            }
            count += 1;
        });
        let wanted = header.len();
        if let Err(fault) = result {
            let name = header.column(count).and_then(|at| body.columns.all().get(at));
            match name.map(|column| column.name.clone()) {
                Some(name) => {
                    let detail = format!("`{name}` {fault}");
                    body.refuse_field(line, name, detail);
                }
                None => body.refuse(line, format!("the record has a field that {fault}")),
            }
        } else if count != wanted {
            let plural = if count == 1 { "" } else { "s" };
            let detail = format!("the record has {count} field{plural}, and the header {wanted}");
            body.refuse(line, detail);
        }
        body.end(out)
    }
}

/// Takes the field of column `at`.
fn take(at: usize, field: &Field<'_>, line: u64, body: &mut Body) {
    let Some(column) = body.columns.all().get(at) else { return };
    if field.text.is_empty() && !field.quoted {
        body.row.put(at, Slot::Null);
        if !column.nullable {
            body.refuse_column(line, at, "is empty, and must not be NULL");
        }
        return;
    }
    let form = body.columns.form();
    let filled =
        body.row.fill(at, |out| copy::write_text(&column.ty, field.text, form, out).map(|()| true));
    if let Err(invalid) = filled {
        body.refuse_column(line, at, invalid.as_str());
    }
}
