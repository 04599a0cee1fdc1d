//! One row as a JSON object (RFC 8259), read in one pass over its bytes.
//!
//! Member by member: what a value's bytes are is found here, what they mean by the column's type,
//! which refuses what is no JSON. Names in the order of the columns are found without a search.

use super::{
    Body,
    fault::{shown, unknown},
    row::Slot,
};
use crate::value::argument::copy;
use std::borrow::Cow;

/// What is wrong with the object's syntax; the end of a sentence that begins with what it is.
type Syntax = Cow<'static, str>;

/// Reads the object `record`, which begins on `line`, into the body's row; what is wrong is noted.
/// `what` names the record for the caller.
pub(super) fn read(record: &[u8], line: u64, what: &str, body: &mut Body) {
    let Ok(text) = std::str::from_utf8(record) else {
        return body.refuse(line, format!("the {what} is not UTF-8"));
    };
    let mut cursor = Cursor { text, at: 0 };
    match members(&mut cursor, line, body) {
        Ok(()) => missing(line, body),
        Err(why) => body.refuse(line, format!("the {what} {why}")),
    }
}

fn members(cursor: &mut Cursor<'_>, line: u64, body: &mut Body) -> Result<(), Syntax> {
    if cursor.next_byte() != Some(b'{') {
        return Err("is not a JSON object".into());
    }
    let mut expected = 0;
    let mut first = true;
    loop {
        match cursor.peek() {
            Some(b'}') if first => {
                let _ = cursor.next_byte();
                break;
            }
            Some(b'"') => {}
            None => return Err("ends within the object".into()),
            Some(_) => return Err(cursor.broken("a name in quotes")),
        }
        first = false;
        let name = cursor.string()?;
        if cursor.next_byte() != Some(b':') {
            return Err(cursor.broken_before("`:`"));
        }
        let raw = cursor.value(body.max_depth)?;
        member(name, raw, &mut expected, line, body);
        match cursor.next_byte() {
            Some(b',') => {}
            Some(b'}') => break,
            None => return Err("ends within the object".into()),
            Some(_) => return Err(cursor.broken_before("`,` or `}`")),
        }
    }
    match cursor.peek() {
        None => Ok(()),
        Some(_) => Err("has something behind the object".into()),
    }
}

/// Takes the member `name`, which is still quoted. `expected` is the column that comes next where
/// members come in the order of the columns.
fn member(name: &str, raw: &str, expected: &mut usize, line: u64, body: &mut Body) {
    let inner = &name[1..name.len() - 1];
    let plain = !inner.contains('\\');
    let columns = body.columns.all();
    let at = match columns.get(*expected) {
        Some(column) if plain && column.name == inner => Some(*expected),
        _ => {
            let name =
                if plain { Some(Cow::Borrowed(inner)) } else { serde_json::from_str(name).ok() };
            let Some(name): Option<Cow<'_, str>> = name else {
                return body.refuse(line, "a name has an escape that is none");
            };
            let Some(at) = columns.iter().position(|column| column.name == name) else {
                if body.faults.is_full() {
                    return;
                }
                let name = shown(&name);
                let detail = unknown(&name, columns.iter().map(|column| column.name.as_str()));
                return body.refuse_field(line, name, detail);
            };
            Some(at)
        }
    };
    let Some(at) = at else { return };
    *expected = at + 1;
    let Some(column) = columns.get(at) else { return };
    if body.row.slot(at) != Slot::Absent {
        body.row.put(at, Slot::Refused);
        return body.refuse_column(line, at, "is given more than once");
    }
    let form = body.columns.form();
    let slot = body.row.fill(at, |out| copy::write_json(&column.ty, raw, form, out));
    match slot {
        Ok(Slot::Null) if !column.nullable => body.refuse_column(line, at, "must not be null"),
        Ok(_) => {}
        Err(invalid) => body.refuse_column(line, at, invalid.as_str()),
    }
}

fn missing(line: u64, body: &mut Body) {
    for at in 0..body.columns.all().len() {
        if body.row.slot(at) == Slot::Absent {
            body.refuse_column(line, at, "is missing");
        }
    }
}

/// A place in a JSON text.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    /// The next byte that is no blank, without taking it.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += usize::from(byte.is_some());
        byte
    }

    /// What was expected at this place; columns are counted in characters from 1.
    fn broken(&self, expected: &str) -> Syntax {
        let column = self.text.get(..self.at).map_or(0, |before| before.chars().count()) + 1;
        format!("is not JSON: column {column} should be {expected}").into()
    }

    fn broken_before(&mut self, expected: &str) -> Syntax {
        self.at = self.at.saturating_sub(1);
        self.broken(expected)
    }

    /// A string, with its quotes.
    fn string(&mut self) -> Result<&'t str, Syntax> {
        let start = self.at;
        self.at = string_end(self.bytes(), start)?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// The text of one value, of which only the extent is sure.
    fn value(&mut self, max_depth: usize) -> Result<&'t str, Syntax> {
        let first = self.peek();
        let start = self.at;
        match first {
            None => return Err("ends within the object".into()),
            Some(b'"') => return self.string(),
            Some(b'{' | b'[') => self.nested(max_depth)?,
            Some(_) => {
                let rest = self.bytes().get(start..).unwrap_or_default();
                let ends =
                    |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
                if self.at == start {
                    return Err(self.broken("a value"));
                }
            }
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Goes behind the array or object that begins here.
    fn nested(&mut self, max_depth: usize) -> Result<(), Syntax> {
        // The record's own object is the first level.
        let mut depth = 1_usize;
        loop {
            match self.bytes().get(self.at) {
                None => return Err("ends within a value".into()),
                Some(b'"') => {
                    self.at = string_end(self.bytes(), self.at)?;
                    continue;
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    if depth > max_depth {
                        return Err(format!("nests more than {max_depth} deep").into());
                    }
                }
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
            }
            self.at += 1;
            if depth == 1 {
                return Ok(());
            }
        }
    }
}

/// The byte behind the string that opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> Result<usize, Syntax> {
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            None => return Err("ends within a string".into()),
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at += 2,
            Some(0..0x20) => return Err("has a control character within a string".into()),
            Some(_) => at += 1,
        }
    }
}
