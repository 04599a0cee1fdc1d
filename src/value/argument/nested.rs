//! Arguments that hold other values, written in PostgreSQL's text form.
//!
//! The text form of an array, a range or a composite quotes each value within it, and a backslash
//! stands before each quote and backslash in that. Each level may double the text, so depth and
//! length are bounded.

use super::{Invalid, scalar};
use crate::value::{Composite, Type};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// How many levels of values within values an argument may have.
pub(super) const MAX_DEPTH: usize = 8;
/// PostgreSQL's `MAXDIM`.
const MAX_DIMENSIONS: usize = 6;
/// How long the text form may become, in bytes.
const MAX_LENGTH: usize = 64 << 20;

const TOO_DEEP: Invalid = Invalid::new("is nested too deep");

/// Without the blanks that JSON allows around a value.
pub(super) fn trim(raw: &str) -> &str {
    raw.trim_matches([' ', '\t', '\n', '\r'])
}

/// An array of one dimension, as a list with commas; nothing is the empty array.
pub(super) fn list(element: &Type, text: &str) -> Result<String, Invalid> {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('{');
    if !text.is_empty() {
        for (index, item) in text.split(',').enumerate() {
            if index > 0 {
                out.push(',');
            }
            let literal =
                scalar::read(element.base(), item).map_err(|inner| within_item(&inner))?;
            quote(&literal.text, &mut out)?;
        }
    }
    out.push('}');
    Ok(out)
}

/// A range as `[lower,upper)`, nothing for a bound that is not there, or `empty`.
pub(super) fn interval(over: &Type, text: &str) -> Result<String, Invalid> {
    const INVALID: Invalid = Invalid::new("is not a range ([lower,upper))");
    if text == "empty" {
        return Ok(text.to_owned());
    }
    let inner = text.strip_prefix(['[', '(']).ok_or(INVALID)?;
    let inner = inner.strip_suffix([']', ')']).ok_or(INVALID)?;
    let (lower, upper) = inner.split_once(',').ok_or(INVALID)?;
    let mut out = String::with_capacity(text.len() + 4);
    out.push_str(&text[..1]);
    for (index, bound) in [lower, upper].into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if !bound.is_empty() {
            quote(
                &scalar::read(over.base(), bound).map_err(|inner| within_bound(&inner))?.text,
                &mut out,
            )?;
        }
    }
    out.push_str(&text[text.len() - 1..]);
    Ok(out)
}

/// Writes the text form of the JSON value `raw`, which is not null.
pub(super) fn write(ty: &Type, raw: &str, depth: usize, out: &mut String) -> Result<(), Invalid> {
    let depth = depth.checked_sub(1).ok_or(TOO_DEEP)?;
    match ty.base() {
        Type::Array(element) => {
            let mut array = Array { element, depth, lengths: Vec::new(), innermost: None };
            array.dimension(raw, 0, out)
        }
        Type::Range(over) => range(over, raw, depth, out),
        Type::Multirange(over) => {
            let ranges = items(raw).ok_or(Invalid::new("is not an array of ranges"))?;
            out.push('{');
            for (index, raw) in ranges.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                range(over, raw.get(), depth, out).map_err(|inner| within_item(&inner))?;
            }
            out.push('}');
            Ok(())
        }
        Type::Composite(it) => composite(it, raw, depth, out),
        ty => {
            out.push_str(&scalar::read_json(ty, raw)?.text);
            Ok(())
        }
    }
}

/// Writes the quoted text form of the JSON value `raw`, which is not null.
fn quoted(ty: &Type, raw: &str, depth: usize, out: &mut String) -> Result<(), Invalid> {
    if ty.is_nested() {
        let mut inner = String::with_capacity(raw.len());
        write(ty, raw, depth, &mut inner)?;
        quote(&inner, out)
    } else {
        quote(&scalar::read_json(ty, raw)?.text, out)
    }
}

fn quote(text: &str, out: &mut String) -> Result<(), Invalid> {
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    if out.len() > MAX_LENGTH { Err(Invalid::new("is too long")) } else { Ok(()) }
}

fn within_item(inner: &Invalid) -> Invalid {
    Invalid::told(format!("has an item that {inner}"))
}

fn within_bound(inner: &Invalid) -> Invalid {
    Invalid::told(format!("has a bound that {inner}"))
}

fn items(raw: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw).ok()
}

/// An array while its dimensions are found.
struct Array<'a> {
    element: &'a Type,
    depth: usize,
    /// The length of each dimension, as its first array has it.
    lengths: Vec<usize>,
    /// The dimension whose items are elements, once one was seen.
    innermost: Option<usize>,
}

impl Array<'_> {
    fn dimension(&mut self, raw: &str, at: usize, out: &mut String) -> Result<(), Invalid> {
        const RAGGED: Invalid = Invalid::new("has inner arrays that differ in length or depth");
        let items = items(raw).ok_or(Invalid::new("is not an array"))?;
        match self.lengths.get(at) {
            None if at < MAX_DIMENSIONS => self.lengths.push(items.len()),
            None => return Err(Invalid::new("has more than 6 dimensions")),
            Some(length) if *length == items.len() => {}
            Some(_) => return Err(RAGGED),
        }
        if items.is_empty() && at > 0 {
            return Err(Invalid::new("has an empty inner array"));
        }
        out.push('{');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            let item = item.get();
            if self.is_inner(item) {
                if self.innermost.is_some_and(|innermost| innermost <= at) {
                    return Err(RAGGED);
                }
                self.dimension(item, at + 1, out)?;
                continue;
            }
            if *self.innermost.get_or_insert(at) != at {
                return Err(RAGGED);
            }
            if item == "null" {
                out.push_str("NULL");
            } else {
                quoted(self.element, item, self.depth, out).map_err(|inner| within_item(&inner))?;
            }
        }
        out.push('}');
        Ok(())
    }

    /// Whether the item is a further dimension: an array where the element itself is none.
    fn is_inner(&self, item: &str) -> bool {
        item.starts_with('[')
            && !matches!(
                self.element.base(),
                Type::Json | Type::Jsonb | Type::Multirange(_) | Type::Array(_)
            )
    }
}

fn range(over: &Type, raw: &str, depth: usize, out: &mut String) -> Result<(), Invalid> {
    const INVALID: Invalid =
        Invalid::new("is not a range ({\"lower\":…,\"upper\":…,\"bounds\":\"[)\"})");
    let members = members(raw).ok_or(INVALID)?;
    let (mut lower, mut upper, mut bounds) = (None, None, None);
    for (name, raw) in members {
        let place = match name.as_str() {
            "lower" => &mut lower,
            "upper" => &mut upper,
            "bounds" => &mut bounds,
            _ => return Err(INVALID),
        };
        if place.replace(raw.get()).is_some() {
            return Err(INVALID);
        }
    }
    let (lower, upper) = (lower.unwrap_or("null"), upper.unwrap_or("null"));
    let (open, close) = match bounds.unwrap_or("\"[)\"") {
        "\"[)\"" => ("[", ")"),
        "\"[]\"" => ("[", "]"),
        "\"(]\"" => ("(", "]"),
        "\"()\"" => ("(", ")"),
        "\"empty\"" if lower == "null" && upper == "null" => {
            out.push_str("empty");
            return Ok(());
        }
        _ => return Err(INVALID),
    };
    out.push_str(open);
    for (index, raw) in [lower, upper].into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if raw != "null" {
            quoted(over, raw, depth, out).map_err(|inner| within_bound(&inner))?;
        }
    }
    out.push_str(close);
    Ok(())
}

fn composite(ty: &Composite, raw: &str, depth: usize, out: &mut String) -> Result<(), Invalid> {
    let mut members = members(raw).ok_or(Invalid::new("is not an object"))?;
    out.push('(');
    for (index, (field, ty)) in ty.fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let at = members.iter().position(|(name, _)| name == field);
        let at = at.ok_or_else(|| Invalid::told(format!("lacks the field \"{field}\"")))?;
        let (_, raw) = members.swap_remove(at);
        if raw.get() != "null" {
            quoted(ty, raw.get(), depth, out)
                .map_err(|inner| Invalid::told(format!("has a field \"{field}\" that {inner}")))?;
        }
    }
    out.push(')');
    if members.is_empty() {
        Ok(())
    } else {
        Err(Invalid::new("has a field that is unknown or stands there twice"))
    }
}

/// The members of a JSON object, all of them, in their order.
fn members(raw: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::from_str::<Members<'_>>(raw).ok().map(|members| members.0)
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
