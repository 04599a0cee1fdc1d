//! CSV (RFC 4180), read strictly: a header record names the columns in any order, records end with
//! LF or CRLF, fields with a comma, a quote, CR or LF in them stand in quotes.
//!
//! An empty field is NULL, and an empty field in quotes the empty string, as PostgreSQL's own CSV
//! has it. An empty line is passed over, but in a table of one column, where it is NULL.

mod header;
mod split;

use super::{Body, MAX_RECORD_BYTES, Next, lines, row::Slot};
use crate::value::argument::copy;
use header::Header;
use memchr::memchr_iter;
use split::{Field, Splitter, fields};

const RECORD: &str = "record";

/// Divides a body into records.
pub(super) type Parser = lines::Lines<Records>;

/// Reads records.
#[derive(Default)]
pub(super) struct Records {
    header: Option<Header>,
    splitter: Splitter,
    /// Fields of a record that have quotes in them, without those.
    unquoted: Vec<u8>,
}

impl lines::Records for Records {
    fn end_of_record(&mut self, bytes: &[u8]) -> Option<usize> {
        self.splitter.end_of_record(bytes)
    }

    fn lines_within(record: &[u8]) -> u64 {
        memchr_iter(b'\n', record).count() as u64
    }

    fn record(&mut self, record: &[u8], line: u64, body: &mut Body, out: &mut Vec<u8>) -> Next {
        let record = record.strip_suffix(b"\r").unwrap_or(record);
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

    fn too_long(&self, line: u64, body: &mut Body) -> Next {
        if self.splitter.is_in_quotes() {
            return body.give_up(
                line,
                format!(
                    "the record is longer than {MAX_RECORD_BYTES} bytes; a field in quotes may \
                     not be closed"
                ),
            );
        }
        body.too_long(line, RECORD)
    }

    fn finish(&mut self, rest: &[u8], line: u64, body: &mut Body, out: &mut Vec<u8>) {
        if self.splitter.is_in_quotes() {
            let _ = body.begin(line);
            let _ = body.give_up(line, "a field in quotes is not closed");
            return;
        }
        if !rest.is_empty() && self.record(rest, line, body, out) == Next::Enough {
            return;
        }
        if self.header.is_none() {
            let _ = body.give_up(1, "the header record is missing");
        }
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
