//! Rows as NDJSON: a JSON value in each line, and nothing before, between or behind the lines.
//!
//! A row is an object; of one value, the line is the value. There is no envelope.

use super::{Layout, json::JsonRows};
use crate::{
    definition::file::ResultShape,
    value::{Malformed, Type},
};

/// A result's columns in their order.
#[derive(Clone, Debug)]
pub struct NdjsonRows {
    rows: JsonRows,
    is_one: bool,
    /// Whether a value can hold line breaks: a `json` is given as it was stored.
    breaks: bool,
}

impl NdjsonRows {
    /// Plans the answer of an endpoint.
    pub fn new(shape: ResultShape, columns: &[(String, Type)]) -> Self {
        Self {
            rows: JsonRows::new(shape, None, columns),
            is_one: shape != ResultShape::Rows,
            breaks: columns.iter().any(|(_, ty)| holds_json(ty)),
        }
    }
}

/// Whether a value of the type is, or holds, a `json`. A `jsonb` is written anew by PostgreSQL, in one
/// line.
fn holds_json(ty: &Type) -> bool {
    match ty {
        Type::Json => true,
        Type::Array(inner) | Type::Range(inner) | Type::Multirange(inner) => holds_json(inner),
        Type::Domain(domain) => holds_json(&domain.base),
        Type::Composite(composite) => composite.fields.iter().any(|(_, ty)| holds_json(ty)),
        _ => false,
    }
}

impl Layout for NdjsonRows {
    fn begin(&self, _: &mut Vec<u8>) {}

    fn row(&self, data_row: &[u8], first: bool, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if self.is_one && !first {
            return Ok(());
        }
        let start = out.len();
        // Each line stands for itself, as the first.
        self.rows.row(data_row, true, out)?;
        if self.breaks {
            without_breaks(out, start);
        }
        if out.len() > start {
            out.push(b'\n');
        }
        Ok(())
    }

    fn end(&self, _: &mut Vec<u8>) {}
}

/// Takes the line breaks out of the JSON text behind `start`. They stand between tokens alone: in a
/// string they are escaped (RFC 8259 §7).
fn without_breaks(out: &mut Vec<u8>, start: usize) {
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if !out[start..].iter().any(is_break) {
        return;
    }
    let mut kept = start;
    for at in start..out.len() {
        if !is_break(&out[at]) {
            out[kept] = out[at];
            kept += 1;
        }
    }
    out.truncate(kept);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;
    use crate::encode::json::tests::data_row;
    use std::sync::Arc;

    fn answer(shape: ResultShape, columns: &[(String, Type)], rows: &[Vec<u8>]) -> String {
        let layout = NdjsonRows::new(shape, columns);
        let mut out = Vec::new();
        layout.begin(&mut out);
        for (index, row) in rows.iter().enumerate() {
            layout.row(row, index == 0, &mut out).unwrap();
        }
        layout.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_row_is_a_line_whatever_is_in_it() {
        let columns = [("a".to_owned(), Type::Text), ("b".to_owned(), Type::Json)];
        let rows = [
            data_row(&[Some(b"x\ny"), Some(b"{\r\n \"k\": [1,\n2]\n}")]),
            data_row(&[None, Some(br#""line\nbreak""#)]),
        ];
        assert_eq!(
            answer(ResultShape::Rows, &columns, &rows),
            "{\"a\":\"x\\ny\",\"b\":{ \"k\": [1,2]}}\n{\"a\":null,\"b\":\"line\\nbreak\"}\n"
        );
        assert_eq!(answer(ResultShape::Rows, &columns, &[]), "");
        assert_eq!(answer(ResultShape::Row, &columns, &rows).lines().count(), 1);
        assert_eq!(answer(ResultShape::Value, &columns[..1], &[data_row(&[None])]), "null\n");
        let nested = [("list".to_owned(), Type::Array(Arc::new(Type::Json)))];
        assert!(NdjsonRows::new(ResultShape::Rows, &nested).breaks);
    }
}
