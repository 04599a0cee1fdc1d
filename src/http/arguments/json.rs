//! A JSON body: one object, each member handed on as its raw text, so that no number passes through
//! a float.

use super::Reader;
use crate::problem::{Code, Problem};
use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{error::Category, value::RawValue};
use std::{borrow::Cow, fmt};

/// Reads the members of the object `bytes` into `reader`. Nothing but white space has none.
pub(super) fn read(bytes: &[u8], depth: usize, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        malformed("is not UTF-8", &valid)
    })?;
    if text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        return Ok(());
    }
    if let Some(at) = too_deep(text, depth) {
        return Err(malformed(&format!("nests more than {depth} deep"), &text[..at]));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_map(Members { reader }).and_then(|()| deserializer.end()).map_err(
        |error| match error.classify() {
            Category::Data => {
                Problem::new(Code::MalformedBody).detail("The body is not a JSON object.")
            }
            // The messages for syntax name what was expected, never what was there.
            _ => {
                Problem::new(Code::MalformedBody).detail(format!("The body is not JSON: {error}."))
            }
        },
    )
}

fn malformed(what: &str, before: &str) -> Problem {
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Problem::new(Code::MalformedBody)
        .detail(format!("The body {what} at line {line} column {column}."))
}

/// Where the first array or object opens that is more than `limit` deep.
fn too_deep(text: &str, limit: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if in_string => drop(bytes.next()),
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > limit {
                    return Some(at);
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

struct Members<'m, 'p> {
    reader: &'m mut Reader<'p>,
}

impl<'de> Visitor<'de> for Members<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let raw: &'de RawValue = map.next_value()?;
            self.reader.member(&name, raw.get());
        }
        Ok(())
    }
}
