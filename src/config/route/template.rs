//! Bodies with `{placeholders}`: which ones a route may use.

use crate::{
    config::{
        environment::{self, Environment},
        kind::shown,
    },
    definition::{parameter::Parameter, route::Template},
    diagnostic::Code,
    name,
    table::{Expansion, Item},
};
use serde_json::Value;

/// The placeholders that every body may use beside the route's parameters.
const BUILT_IN: [&str; 5] = ["now", "hostname", "user", "version", "confinement"];

/// The words that may stand between braces, and the environment.
pub(super) struct Words<'r> {
    known: Vec<&'r str>,
    is_open: bool,
    environment: &'r Environment<'r>,
}

impl<'r> Words<'r> {
    /// The words of a route with these parameters; any word goes when the path, which may name more
    /// of them, could not be read.
    pub(super) fn new(
        parameters: &'r [Parameter],
        is_open: bool,
        environment: &'r Environment<'r>,
    ) -> Self {
        let known = parameters.iter().map(|it| it.name.as_str()).chain(BUILT_IN).collect();
        Self { known, is_open, environment }
    }
}

/// The body: text for a string, JSON for a table or an array.
pub(super) fn read(item: &Item<'_, '_>, words: &Words<'_>) -> Option<Template> {
    let expand = |text: &str| {
        let text = environment::expand(text, words.environment, &escape)?;
        check(&text, words)?;
        Ok(text)
    };
    match item.json_with(&expand)? {
        Value::String(text) => Some(Template::Text(text)),
        json @ (Value::Object(_) | Value::Array(_)) => Some(Template::Json(json)),
        _ => {
            item.refuse(Code::WrongType, "takes a string, a table or an array", None);
            None
        }
    }
}

/// Braces that come from the environment are text, not placeholders.
fn escape(value: &str) -> String {
    value.replace('{', "{{").replace('}', "}}")
}

/// Checks each placeholder of `text`.
fn check(text: &str, words: &Words<'_>) -> Result<(), Expansion> {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix(brace) {
            rest = after;
        } else if brace == "}" {
            return Err(wrong(Code::InvalidValue, "a `}` closes nothing".into(), BRACES.into()));
        } else {
            let Some(end) = after.find('}') else {
                return Err(wrong(Code::InvalidValue, "a `{` is not closed".into(), BRACES.into()));
            };
            check_word(&after[..end], words)?;
            rest = &after[end + 1..];
        }
    }
    Ok(())
}

const BRACES: &str = "a placeholder is `{name}`; write `{{` and `}}` for braces";

fn check_word(word: &str, words: &Words<'_>) -> Result<(), Expansion> {
    if words.is_open || words.known.contains(&word) {
        return Ok(());
    }
    let help = name::nearest(word, words.known.iter().copied()).map_or_else(
        || {
            let known: Vec<_> = words.known.iter().map(|word| format!("`{{{word}}}`")).collect();
            format!("the placeholders here are {}", known.join(", "))
        },
        |near| format!("did you mean `{{{near}}}`?"),
    );
    let message = format!("the placeholder `{{{}}}` is not declared", shown(word));
    Err(wrong(Code::UndeclaredParameter, message, help))
}

fn wrong(code: Code, message: String, help: String) -> Expansion {
    Expansion { code, message, help }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<(), String> {
        let words = Words { known: vec!["name", "now"], is_open: false, environment: &|_| None };
        check(text, &words).map_err(|error| error.message)
    }

    #[test]
    fn placeholders_are_checked() {
        for text in [
            "",
            "Hello, {name}!",
            "{now}{name}",
            "{{literal}}",
            "{{{name}}}",
            "{{{name}",
            "é{name}é",
        ] {
            assert_eq!(checked(text), Ok(()), "{text}");
        }
        for (text, message) in [
            ("{nmae}", "the placeholder `{nmae}` is not declared"),
            ("{}", "the placeholder `{}` is not declared"),
            ("{name", "a `{` is not closed"),
            ("name}", "a `}` closes nothing"),
            ("{{name}", "a `}` closes nothing"),
        ] {
            assert_eq!(checked(text), Err(message.into()), "{text}");
        }
    }
}
