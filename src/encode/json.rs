//! Rows as JSON: an array of objects, one object, or one value; in an envelope or not.

use super::Layout;
use crate::{
    definition::file::ResultShape,
    value::{Malformed, Type, json, short, wire::Wire},
};

/// A result's columns in their order, and the bytes that stand around their values.
#[derive(Clone, Debug)]
pub struct JsonRows {
    shape: ResultShape,
    before: Vec<u8>,
    columns: Vec<Column>,
    after_row: &'static [u8],
    after: Vec<u8>,
}

/// A column's type and what stands before its value: `{"count":` or `,"day":`.
#[derive(Clone, Debug)]
struct Column {
    before: Lead,
    ty: Type,
}

/// What stands before a value, as it is appended soonest.
#[derive(Clone, Debug)]
enum Lead {
    /// So many bytes of these.
    Short([u8; 24], usize),
    Long(Box<[u8]>),
}

impl Lead {
    fn new(text: &[u8]) -> Self {
        let mut padded = [0; 24];
        match padded.get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text);
                Self::Short(padded, text.len())
            }
            None => Self::Long(text.into()),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Short(padded, length) => short::append(padded, *length, out),
            Self::Long(text) => out.extend_from_slice(text),
        }
    }
}

impl JsonRows {
    /// Plans the answer of an endpoint: `columns` are the names and types of the result in their
    /// order. Names ought to be unique; JSON readers keep one of two members of the same name.
    pub fn new(shape: ResultShape, envelope: Option<&str>, columns: &[(String, Type)]) -> Self {
        let mut before = Vec::new();
        let mut after = Vec::new();
        if shape != ResultShape::None {
            if let Some(envelope) = envelope {
                before.push(b'{');
                member(envelope, &mut before);
            }
            if shape == ResultShape::Rows {
                before.push(b'[');
                after.push(b']');
            }
            if envelope.is_some() {
                after.push(b'}');
            }
        }
        let of_object = matches!(shape, ResultShape::Rows | ResultShape::Row);
        let columns = columns
            .iter()
            .enumerate()
            .map(|(index, (name, ty))| {
                let mut before = Vec::new();
                if of_object {
                    before.push(if index == 0 { b'{' } else { b',' });
                    member(name, &mut before);
                }
                Column { before: Lead::new(&before), ty: ty.clone() }
            })
            .collect::<Vec<_>>();
        let after_row: &[u8] = match (of_object, columns.is_empty()) {
            (true, false) => b"}",
            (true, true) => b"{}",
            (false, _) => b"",
        };
        Self { shape, before, columns, after_row, after }
    }

    fn values(&self, wire: &mut Wire<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if usize::from(wire.u16()?) != self.columns.len() {
            return Err(wire.malformed());
        }
        for (index, column) in self.columns.iter().enumerate() {
            let value = wire.value()?;
            if index == 0 || self.shape != ResultShape::Value {
                column.before.write(out);
                json::write(&column.ty, value, out)?;
            }
        }
        out.extend_from_slice(self.after_row);
        Ok(())
    }
}

/// Writes `"name":`.
fn member(name: &str, out: &mut Vec<u8>) {
    // Text that is UTF-8, as a `str` is, is never malformed.
    let _ = json::write_string(name.as_bytes(), out);
    out.push(b':');
}

impl Layout for JsonRows {
    fn begin(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.before);
    }

    fn row(&self, data_row: &[u8], first: bool, out: &mut Vec<u8>) -> Result<(), Malformed> {
        match self.shape {
            ResultShape::None => return Ok(()),
            ResultShape::Row | ResultShape::Value if !first => return Ok(()),
            ResultShape::Row | ResultShape::Value | ResultShape::Rows => {}
        }
        let start = out.len();
        if !first {
            out.push(b',');
        }
        let mut wire = Wire::new(data_row, "row of these columns");
        let written = self.values(&mut wire, out).and_then(|()| wire.end());
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.after);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::Arc;

    /// The body of a `DataRow` message.
    pub(in crate::encode) fn data_row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut row = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
            row.extend_from_slice(&length.to_be_bytes());
            row.extend_from_slice(value.unwrap_or_default());
        }
        row
    }

    fn columns() -> Vec<(String, Type)> {
        vec![("count".to_owned(), Type::Int4), ("a \"b\"".to_owned(), Type::Text)]
    }

    fn answer(shape: ResultShape, envelope: Option<&str>, rows: &[Vec<u8>]) -> String {
        let layout = JsonRows::new(shape, envelope, &columns());
        let mut out = Vec::new();
        layout.begin(&mut out);
        for (index, row) in rows.iter().enumerate() {
            layout.row(row, index == 0, &mut out).unwrap();
        }
        layout.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_shape_has_its_form_with_and_without_envelope() {
        let one = data_row(&[Some(&7_i32.to_be_bytes()), Some(b"x")]);
        let two = data_row(&[None, None]);
        let (one_text, two_text) =
            (r#"{"count":7,"a \"b\"":"x"}"#, r#"{"count":null,"a \"b\"":null}"#);
        let rows = [one, two];
        for (shape, envelope, rows, expected) in [
            (ResultShape::Rows, None, &rows[..0], "[]".to_owned()),
            (ResultShape::Rows, Some("all"), &rows[..0], r#"{"all":[]}"#.to_owned()),
            (ResultShape::Rows, None, &rows[..1], format!("[{one_text}]")),
            (ResultShape::Rows, None, &rows[..], format!("[{one_text},{two_text}]")),
            (ResultShape::Rows, Some("\n"), &rows[..1], format!(r#"{{"\n":[{one_text}]}}"#)),
            (ResultShape::Row, None, &rows[..], one_text.to_owned()),
            (ResultShape::Row, Some("port"), &rows[..], format!(r#"{{"port":{one_text}}}"#)),
            (ResultShape::Value, None, &rows[..], "7".to_owned()),
            (ResultShape::Value, Some("n"), &rows[1..], r#"{"n":null}"#.to_owned()),
            (ResultShape::None, Some("n"), &rows[..], String::new()),
        ] {
            let text = answer(shape, envelope, rows);
            assert_eq!(text, expected, "{shape:?} {envelope:?}");
            if shape != ResultShape::None {
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
            }
        }
    }

    #[test]
    fn rows_without_columns_are_empty_objects() {
        let layout = JsonRows::new(ResultShape::Rows, None, &[]);
        let mut out = Vec::new();
        layout.row(&[0, 0], true, &mut out).unwrap();
        layout.row(&[0, 0], false, &mut out).unwrap();
        assert_eq!(out, b"{},{}");
    }

    #[test]
    fn a_row_that_is_not_the_plans_leaves_nothing_behind() {
        let good = data_row(&[Some(&7_i32.to_be_bytes()), Some(b"x")]);
        let array = Type::Array(Arc::new(Type::Int4));
        let nested = [("list".to_owned(), array), columns().remove(1)];
        for columns in [columns().as_slice(), &columns()[..1], &nested] {
            let layout = JsonRows::new(ResultShape::Rows, None, columns);
            let whole = layout.row(&good, true, &mut Vec::new());
            assert_eq!(whole.is_ok(), columns == self::columns().as_slice());
            for length in 0..good.len() {
                let mut out = b"before".to_vec();
                layout.row(&good[..length], false, &mut out).unwrap_err();
                assert_eq!(out, b"before");
            }
            let longer = [good.as_slice(), b"!"].concat();
            assert!(layout.row(&longer, true, &mut Vec::new()).is_err());
        }
    }
}
