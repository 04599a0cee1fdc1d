//! Reading the facets of one parameter, and refusing those that contradict themselves.

use super::{Facets, decimal::Decimal};
use crate::{
    diagnostic::Code,
    table::{Item, Table},
};
use regex::{Regex, RegexBuilder};
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// The most memory that one compiled pattern may take, in bytes.
const PATTERN_BYTES: usize = 1 << 20;
/// The most memory that one pattern's matcher may cache, in bytes.
const PATTERN_CACHE_BYTES: usize = 1 << 18;

/// The facets that the declaration `table` states.
pub(super) fn read(table: &Table<'_, '_>) -> Facets {
    let minimum = number(table, "minimum");
    let maximum = number(table, "maximum");
    let min_length = length(table, "min_length");
    let max_length = length(table, "max_length");
    if let (Some((minimum, _)), Some((maximum, item))) = (&minimum, &maximum)
        && order(minimum, maximum) == Some(Ordering::Greater)
    {
        let why = format!("is less than `minimum`, {minimum}");
        item.refuse(Code::Facet, &why, Some("no argument could be both"));
    }
    if let (Some((minimum, _)), Some((maximum, item))) = (&min_length, &max_length)
        && minimum > maximum
    {
        let why = format!("is less than `min_length`, {minimum}");
        item.refuse(Code::Facet, &why, Some("no argument could be both"));
    }
    Facets {
        minimum: minimum.map(|(number, _)| number),
        maximum: maximum.map(|(number, _)| number),
        min_length: min_length.map(|(length, _)| length),
        max_length: max_length.map(|(length, _)| length),
        pattern: table.take("pattern").and_then(|item| pattern(&item)),
        allowed: table.take("enum").and_then(|item| allowed(&item)),
    }
}

fn order(one: &Number, other: &Number) -> Option<Ordering> {
    Decimal::parse(&one.to_string())?.compare(&Decimal::parse(&other.to_string())?)
}

fn number<'t, 'e>(table: &Table<'t, 'e>, key: &'static str) -> Option<(Number, Item<'t, 'e>)> {
    let item = table.take(key)?;
    match item.json()? {
        Value::Number(number) => Some((number, item)),
        _ => {
            item.refuse(Code::WrongType, "takes a number", None);
            None
        }
    }
}

fn length<'t, 'e>(table: &Table<'t, 'e>, key: &'static str) -> Option<(usize, Item<'t, 'e>)> {
    let (number, item) = number(table, key)?;
    match number.as_u64().and_then(|length| usize::try_from(length).ok()) {
        Some(length) => Some((length, item)),
        None => {
            item.refuse(Code::Facet, "takes a number of characters, 0 or more", None);
            None
        }
    }
}

fn pattern(item: &Item<'_, '_>) -> Option<(String, Regex)> {
    let written = item.string()?;
    match compile(&written) {
        Ok(regex) => Some((written, regex)),
        Err((why, help)) => {
            item.refuse(Code::Facet, &why, Some(help));
            None
        }
    }
}

/// The pattern `written`, made to match a whole value: `[A-Z]{5}` means five letters and nothing
/// else, without the `^` and `$` that JSON Schema would want.
fn compile(written: &str) -> Result<Regex, (String, &'static str)> {
    let build = |pattern: &str| {
        RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_CACHE_BYTES)
            .build()
    };
    // Alone first: `a)|(b` must not become good by the group around it.
    build(written).and_then(|_| build(&format!(r"\A(?:{written})\z"))).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => (
            "compiles to more than 1 MiB".to_owned(),
            "repeat smaller classes (`[0-9A-Za-z_]` instead of `\\w`), or use `max_length` for the \
             length",
        ),
        error => {
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let help = if why.contains("look-around") {
                "patterns have no look-around, so that matching takes linear time; say the rest \
                 in the statement, or with `enum`"
            } else if why.contains("backreferences") {
                "patterns have no backreferences, so that matching takes linear time"
            } else {
                "the syntax is that of Rust's regex crate; in TOML, '…' keeps backslashes as they \
                 are"
            };
            (format!("is not a pattern: {why}"), help)
        }
    })
}

fn allowed(item: &Item<'_, '_>) -> Option<Vec<Value>> {
    let items = item.array()?;
    if items.is_empty() {
        item.refuse(Code::Facet, "allows nothing", Some("list at least one value"));
        return None;
    }
    let mut values: Vec<Value> = Vec::with_capacity(items.len());
    for item in items {
        let value = item.json()?;
        if values.contains(&value) {
            item.refuse(Code::Facet, "stands there twice", None);
        }
        values.push(value);
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::compile;

    #[test]
    fn a_pattern_matches_the_whole_value() {
        let code = compile("[A-Z]{5}").unwrap();
        assert!(code.is_match("CNGGZ"));
        for bad in ["CNGGZX", "xCNGGZ", "CNGGZ\n", "\nCNGGZ", ""] {
            assert!(!code.is_match(bad), "{bad:?}");
        }
        let either = compile("a|b").unwrap();
        assert!(either.is_match("a") && !either.is_match("ax") && !either.is_match("xb"));
        assert!(!compile("(?m)^a$").unwrap().is_match("a\nb"));
        assert!(compile("^a$").unwrap().is_match("a"));
    }

    #[test]
    fn a_bad_pattern_says_why() {
        for (bad, why) in [
            ("(?=a)b", "look-around"),
            (r"(a)\1", "backreferences"),
            ("a)(b", "unopened group"),
            ("[a", "unclosed character class"),
            (r"\w{1000}", "1 MiB"),
        ] {
            let (message, _) = compile(bad).unwrap_err();
            assert!(message.contains(why), "{bad}: {message}");
        }
    }
}
