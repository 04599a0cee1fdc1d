//! `${NAME}` and `${NAME:-default}` in the values of a manifest.

use crate::{diagnostic::Code, table::Expansion};

/// Looks an environment variable up.
pub(super) type Environment<'e> = dyn Fn(&str) -> Option<String> + 'e;

/// A value of the manifest, in parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// Text as it stands.
    Text(&'t str),
    /// `${name}` or `${name:-default}`.
    Variable { name: &'t str, default: Option<&'t str> },
}

/// `text` with each `${NAME}` and `${NAME:-default}` replaced, once: what comes out of the
/// environment or a default is not looked at again. `$${` is a literal `${`. Each value from the
/// environment goes through `escape`, so that it can stand in a notation of its own.
///
/// # Errors
/// A variable that is not set and has no default, a `${` that is not closed or names no variable.
pub(super) fn expand(
    text: &str,
    environment: &Environment<'_>,
    escape: &dyn Fn(&str) -> String,
) -> Result<String, Expansion> {
    let mut expanded = String::with_capacity(text.len());
    let mut unset: Vec<&str> = Vec::new();
    for part in parts(text)? {
        match part {
            Part::Text(text) => expanded.push_str(text),
            Part::Variable { name, default } => match (environment(name), default) {
                (Some(value), Some(default)) if value.is_empty() => expanded.push_str(default),
                (Some(value), _) => expanded.push_str(&escape(&value)),
                (None, Some(default)) => expanded.push_str(default),
                (None, None) if unset.contains(&name) => {}
                (None, None) => unset.push(name),
            },
        }
    }
    let message = match unset.as_slice() {
        [] => return Ok(expanded),
        [name] => format!("the environment variable `{name}` is not set"),
        names => format!("the environment variables `{}` are not set", names.join("`, `")),
    };
    Err(wrong(message, format!("set it, or give a default: `${{{}:-…}}`", unset[0])))
}

/// The parts of `text`, in order.
pub(super) fn parts(text: &str) -> Result<Vec<Part<'_>>, Expansion> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let before = &rest[..at];
        if before.ends_with('$') {
            // `$${`: the dollar sign before escapes; what follows is text up to the next `${`.
            parts.extend([Part::Text(&before[..at - 1]), Part::Text("${")]);
            rest = &rest[at + 2..];
            continue;
        }
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        let inner = &rest[at + 2..];
        let Some(end) = inner.find('}') else {
            return Err(wrong(
                "`${` is not closed".into(),
                "close it with `}`, or write `$${` for the characters `${`".into(),
            ));
        };
        parts.push(variable(&inner[..end])?);
        rest = &inner[end + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

fn variable(inner: &str) -> Result<Part<'_>, Expansion> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    if default.is_some_and(|default| default.contains("${")) {
        return Err(wrong(
            format!("the default of `{}` has a `${{` in it", shown(name)),
            "a default is plain text: references do not nest".into(),
        ));
    }
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if !begins || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(wrong(
            format!("`{}` is not the name of an environment variable", shown(name)),
            "write `${NAME}` or `${NAME:-default}`, or `$${` for the characters `${`".into(),
        ));
    }
    Ok(Part::Variable { name, default })
}

/// A mistyped name, short enough for a message.
fn shown(name: &str) -> String {
    super::kind::shown(name)
}

fn wrong(message: String, help: String) -> Expansion {
    Expansion { code: Code::Environment, message, help }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "SET" => Some("value".into()),
            "EMPTY" => Some(String::new()),
            "TRICKY" => Some("${SET}".into()),
            _ => None,
        }
    }

    fn expanded(text: &str) -> Result<String, String> {
        expand(text, &environment, &str::to_owned).map_err(|error| error.message)
    }

    #[test]
    fn references_are_replaced_once() {
        for (text, expected) in [
            ("", ""),
            ("plain $HOME $ $$ }", "plain $HOME $ $$ }"),
            ("${SET}", "value"),
            ("a${SET}b${SET}", "avaluebvalue"),
            ("${SET:-other}", "value"),
            ("${UNSET:-other}", "other"),
            ("${UNSET:-}", ""),
            ("${EMPTY:-other}", "other"),
            ("${EMPTY}", ""),
            ("${UNSET:-a:-b}", "a:-b"),
            ("${TRICKY}", "${SET}"),
            ("$${SET}", "${SET}"),
            ("$$${SET}", "$${SET}"),
            ("$${${SET}", "${value"),
            ("é${SET}é", "évalueé"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_refused() {
        for (text, message) in [
            ("${UNSET}", "the environment variable `UNSET` is not set"),
            ("${UNSET}${A}${A}", "the environment variables `UNSET`, `A` are not set"),
            ("a ${SET", "`${` is not closed"),
            ("${}", "`` is not the name of an environment variable"),
            ("${1A}", "`1A` is not the name of an environment variable"),
            ("${SET-x}", "`SET-x` is not the name of an environment variable"),
            ("${A:-${SET}}", "the default of `A` has a `${` in it"),
        ] {
            assert_eq!(expanded(text), Err(message.into()), "{text}");
        }
    }
}
