//! Keeping secrets that stand in a manifest by mistake out of what is printed about it.
//!
//! A diagnostic shows the line it is about. So the manifest is shown with its literal secrets
//! blotted out, in a text of the same length, even when it does not parse.

use super::environment::{Part, parts};
use crate::diagnostic::SourceFile;
use std::{ops::Range, sync::Arc};

/// The keys whose values are secrets.
const KEYS: [&str; 1] = ["password"];

/// Whether `text` holds nothing that a person could have meant as a secret: it is empty, or made of
/// `${NAME}` references whose defaults are empty.
pub(super) fn is_reference_only(text: &str) -> bool {
    parts(text).is_ok_and(|parts| {
        parts.iter().all(|part| match part {
            Part::Text(_) => false,
            Part::Variable { default, .. } => default.is_none_or(str::is_empty),
        })
    })
}

/// The file with each line blotted out from where a secret key's value begins, unless it is a
/// reference. It looks at lines alone, so it works on a file that does not parse.
pub(super) fn blotted(source: &Arc<SourceFile>) -> Arc<SourceFile> {
    let mut spans = Vec::new();
    let mut start = 0;
    for line in source.text().split_inclusive('\n') {
        if let Some(at) = literal(line) {
            spans.push(start + at..start + line.trim_end().len());
        }
        start += line.len();
    }
    if spans.is_empty() { Arc::clone(source) } else { blotted_at(source, &spans) }
}

/// The file with the bytes of `spans`, which are in order, blotted out and line ends kept.
pub(super) fn blotted_at(source: &Arc<SourceFile>, spans: &[Range<usize>]) -> Arc<SourceFile> {
    let text = source.text();
    let mut shown = String::with_capacity(text.len());
    for span in spans {
        shown.push_str(text.get(shown.len()..span.start).unwrap_or_default());
        let secret = text.get(span.clone()).unwrap_or_default();
        shown.extend(secret.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }));
    }
    shown.push_str(text.get(shown.len()..).unwrap_or_default());
    SourceFile::new(source.path(), shown)
}

/// Where in `line` the literal value of a secret key begins.
fn literal(line: &str) -> Option<usize> {
    KEYS.iter().find_map(|key| {
        line.match_indices(key).find_map(|(at, _)| {
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
            if line.as_bytes()[..at].last().is_some_and(is_word) {
                return None;
            }
            let after = line[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
            let value = after.strip_prefix('=')?.trim_start();
            let quote = value.chars().next().filter(|first| ['"', '\''].contains(first));
            let inner = quote.and_then(|quote| value[1..].split_once(quote));
            let is_reference = inner.is_some_and(|(inner, _)| is_reference_only(inner));
            (!is_reference && !value.is_empty()).then(|| line.len() - value.len())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_references_are_no_literal() {
        for text in ["", "${A}", "${A:-}", "${A}${B}"] {
            assert!(is_reference_only(text), "{text}");
        }
        for text in ["secret", "${A}x", "${A:-secret}", "$${A}", "${A"] {
            assert!(!is_reference_only(text), "{text}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_blotted_out() {
        for (text, shown) in [
            ("password = \"hünter\"\nname = \"x\"\n", "password = *********\nname = \"x\"\n"),
            ("password = \"hunter", "password = *******"),
            ("'password'='hunter'", "'password'=********"),
            ("{ user = \"u\", password = \"hunter\" }", "{ user = \"u\", password = **********"),
            ("database.password=hunter\r\n", "database.password=******\r\n"),
            ("password = \"${A:-hunter}\"", "password = **************"),
        ] {
            let shown_file = blotted(&SourceFile::new("howdah.toml", text));
            assert_eq!(shown_file.text(), shown);
            assert_eq!(shown_file.text().len(), text.len());
        }
        for text in [
            "password = \"${A}\"\n",
            "password_file = \"/run/secret\"\n",
            "# the password is elsewhere\n",
            "my-password = \"x\"\n",
            "password =\n",
        ] {
            assert_eq!(blotted(&SourceFile::new("howdah.toml", text)).text(), text);
        }
    }
}
