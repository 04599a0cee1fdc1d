//! Rows as CSV (RFC 4180): a header, a record for each row, each ended by CR LF.
//!
//! - NULL is an empty field and empty text is `""`, as PostgreSQL's own COPY reads and writes them.
//! - Text is quoted where it must be: when it holds a quote, a comma or a line break, or is empty. A
//!   `\.` is quoted too, which PostgreSQL takes for the end of the data.
//! - Everything else is what stands in JSON between the quotes; what holds values (arrays, ranges,
//!   composites, `json`) is its JSON text in a quoted field, bytes are base64.

use super::Layout;
use crate::{
    definition::file::ResultShape,
    value::{Malformed, Type, json, text, wire::Wire},
};

/// A result's columns in their order.
#[derive(Clone, Debug)]
pub struct CsvRows {
    header: Vec<u8>,
    columns: Vec<(Type, Quoting)>,
    is_one: bool,
}

/// How a type's values are quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoting {
    /// Never: no value holds anything that would have to be.
    Never,
    /// When the text holds something that must be.
    Text,
    /// It is JSON text.
    Json,
}

impl CsvRows {
    /// Plans the answer of an endpoint.
    pub fn new(shape: ResultShape, columns: &[(String, Type)]) -> Self {
        let mut header = Vec::new();
        for (index, (name, _)) in columns.iter().enumerate() {
            if index > 0 {
                header.push(b',');
            }
            write_text(name.as_bytes(), &mut header);
        }
        header.extend_from_slice(b"\r\n");
        let columns = columns.iter().map(|(_, ty)| (ty.base().clone(), quoting(ty))).collect();
        Self { header, columns, is_one: shape != ResultShape::Rows }
    }

    fn values(&self, wire: &mut Wire<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if usize::from(wire.u16()?) != self.columns.len() {
            return Err(wire.malformed());
        }
        for (index, (ty, quoting)) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let Some(value) = wire.value()? else { continue };
            match quoting {
                Quoting::Never => text::write(ty, Some(value), out)?,
                Quoting::Text if matches!(ty, Type::Char | Type::Bytea) => {
                    let start = out.len();
                    text::write(ty, Some(value), out)?;
                    quote_in_place(out, start);
                }
                Quoting::Text => {
                    std::str::from_utf8(value).map_err(|_| Malformed::new("UTF-8 text"))?;
                    write_text(value, out);
                }
                Quoting::Json => {
                    let start = out.len();
                    json::write(ty, Some(value), out)?;
                    quote_in_place(out, start);
                }
            }
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

fn quoting(ty: &Type) -> Quoting {
    match ty.base() {
        Type::Text | Type::Varchar | Type::Bpchar | Type::Name | Type::Char | Type::Enum(_) => {
            Quoting::Text
        }
        // No bytes are no text, which must be told from NULL.
        Type::Bytea => Quoting::Text,
        Type::Json
        | Type::Jsonb
        | Type::Array(_)
        | Type::Range(_)
        | Type::Multirange(_)
        | Type::Composite(_) => Quoting::Json,
        _ => Quoting::Never,
    }
}

/// Whether text must stand in quotes.
fn must_be_quoted(text: &[u8]) -> bool {
    text.is_empty()
        || text == b"\\."
        || text.iter().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r'))
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    if !must_be_quoted(text) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for (index, part) in text.split(|byte| *byte == b'"').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part);
    }
    out.push(b'"');
}

/// Quotes what stands behind `start` where it must be.
fn quote_in_place(out: &mut Vec<u8>, start: usize) {
    if !must_be_quoted(&out[start..]) {
        return;
    }
    let quotes = out[start..].iter().fold(0, |sum, byte| sum + usize::from(*byte == b'"'));
    let mut from = out.len();
    let mut to = from + quotes + 2;
    out.resize(to, 0);
    to -= 1;
    out[to] = b'"';
    while from > start {
        from -= 1;
        to -= 1;
        out[to] = out[from];
        if out[to] == b'"' {
            to -= 1;
            out[to] = b'"';
        }
    }
    out[start] = b'"';
}

impl Layout for CsvRows {
    fn begin(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header);
    }

    fn row(&self, data_row: &[u8], first: bool, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if self.is_one && !first {
            return Ok(());
        }
        let start = out.len();
        let mut wire = Wire::new(data_row, "row of these columns");
        let written = self.values(&mut wire, out).and_then(|()| wire.end());
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn end(&self, _: &mut Vec<u8>) {}
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;
    use crate::encode::json::tests::data_row;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// The records that a reader of RFC 4180 finds.
    fn read(text: &[u8]) -> Vec<Vec<String>> {
        let mut reader = csv_core::Reader::new();
        let (mut fields, mut ends) = (vec![0; text.len() + 1], vec![0; text.len() + 1]);
        let (mut rest, mut records) = (text, Vec::new());
        loop {
            let (result, taken, _, count) = reader.read_record(rest, &mut fields, &mut ends);
            rest = &rest[taken..];
            match result {
                csv_core::ReadRecordResult::Record => {
                    let mut start = 0;
                    let record = ends[..count].iter().map(|end| {
                        let field = String::from_utf8(fields[start..*end].to_vec()).unwrap();
                        start = *end;
                        field
                    });
                    records.push(record.collect());
                }
                csv_core::ReadRecordResult::InputEmpty => {}
                _ => return records,
            }
        }
    }

    fn answer(columns: &[(String, Type)], rows: &[Vec<u8>]) -> Vec<u8> {
        let layout = CsvRows::new(ResultShape::Rows, columns);
        let mut out = Vec::new();
        layout.begin(&mut out);
        for (index, row) in rows.iter().enumerate() {
            layout.row(row, index == 0, &mut out).unwrap();
        }
        layout.end(&mut out);
        out
    }

    #[test]
    fn null_is_empty_and_empty_text_is_quoted() {
        let array = Type::Array(Arc::new(Type::Text));
        let columns = ["a", "b, \"c\"", "d", "e"].map(str::to_owned);
        let types = [Type::Text, Type::Int4, Type::Jsonb, array];
        let columns: Vec<_> = columns.into_iter().zip(types).collect();
        let list = [&[0, 0, 0, 1], &[0; 8][..], &[0, 0, 0, 1, 0, 0, 0, 1], &[0, 0, 0, 1], b"x"];
        let rows = [
            data_row(&[
                Some(b""),
                Some(&7_i32.to_be_bytes()),
                Some(b"\x01{\"k\": \"\\\"\"}"),
                None,
            ]),
            data_row(&[None, None, Some(b"\x01null"), Some(&list.concat())]),
            data_row(&[Some(b"x\r\n\"y\", z"), None, None, None]),
            data_row(&[Some(b"\\."), None, Some(b"\x01\"\""), None]),
        ];
        let text = answer(&columns, &rows);
        let expected = "a,\"b, \"\"c\"\"\",d,e\r\n\
             \"\",7,\"{\"\"k\"\": \"\"\\\"\"\"\"}\",\r\n\
             ,,null,\"[\"\"x\"\"]\"\r\n\
             \"x\r\n\"\"y\"\", z\",,,\r\n\
             \"\\.\",,\"\"\"\"\"\",\r\n";
        assert_eq!(String::from_utf8(text.clone()).unwrap(), expected);
        let records = read(&text);
        assert_eq!(records[1][2], "{\"k\": \"\\\"\"}");
        assert_eq!(records[3][0], "x\r\n\"y\", z");
        let broken = CsvRows::new(ResultShape::Rows, &columns);
        let mut out = b"before".to_vec();
        assert!(broken.row(&rows[0][..9], false, &mut out).is_err());
        assert_eq!(out, b"before");
    }

    #[test]
    fn no_bytes_are_not_null() {
        let columns = [("a".to_owned(), Type::Bytea), ("b".to_owned(), Type::Bytea)];
        let text = answer(&columns, &[data_row(&[Some(b""), None]), data_row(&[Some(b"x"), None])]);
        assert_eq!(String::from_utf8(text).unwrap(), "a,b\r\n\"\",\r\neA==,\r\n");
    }

    proptest! {
        #[test]
        fn any_text_reads_back(texts in prop::collection::vec(any::<String>(), 1..5)) {
            let columns: Vec<_> = texts.iter().map(|it| (it.clone(), Type::Text)).collect();
            let row: Vec<Option<&[u8]>> = texts.iter().map(|it| Some(it.as_bytes())).collect();
            let records = read(&answer(&columns, &[data_row(&row)]));
            prop_assert_eq!(&records[0], &texts);
            prop_assert_eq!(&records[1], &texts);
        }

        #[test]
        fn quoting_behind_is_quoting_ahead(text in any::<String>()) {
            let (mut ahead, mut behind) = (Vec::new(), b"x".to_vec());
            write_text(text.as_bytes(), &mut ahead);
            behind.extend_from_slice(text.as_bytes());
            quote_in_place(&mut behind, 1);
            prop_assert_eq!(&ahead[..], &behind[1..]);
        }
    }
}
