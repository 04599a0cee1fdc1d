//! Keeping secrets that stand in a manifest by mistake out of what is printed about it.
//!
//! A diagnostic shows the line it is about. So the manifest is shown with its literal secrets
//! blotted out, in a text of the same length, even when it does not parse.

use super::environment::{Part, parts};
use crate::{diagnostic::SourceFile, name};
use std::{ops::Range, sync::Arc};

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

/// Where in `line` the literal value of a key begins that sounds like a secret.
fn literal(line: &str) -> Option<usize> {
    let url = userinfo(line).map(|it| it.start);
    let key = line.match_indices('=').find_map(|(at, _)| {
        let key = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let is_word =
            |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        let word = key.rsplit(|letter| !is_word(letter)).next().unwrap_or(key);
        let value = line[at + 1..].trim_start();
        if value.is_empty() || !sounds_secret(word) {
            return None;
        }
        let quote = value.chars().next().filter(|first| ['"', '\''].contains(first));
        let inner = quote.and_then(|quote| value[1..].split_once(quote));
        let is_reference = inner.is_some_and(|(inner, _)| is_reference_only(inner));
        (!is_reference).then(|| line.len() - value.len())
    });
    // Whichever comes first: everything behind it is blotted out.
    key.into_iter().chain(url).min()
}

/// Where in `text` the user and the password of a URL stand (RFC 3986 §3.2.1), when there is a password.
fn userinfo(text: &str) -> Option<Range<usize>> {
    let start = text.find("://")? + "://".len();
    let rest = text.get(start..)?;
    // Whoever writes one by hand forgets to encode: a password may hold a slash, so the last `@` counts.
    let end = rest.rfind('@')?;
    rest.get(..end)?.contains(':').then_some(start..start + end)
}

/// `text` without the user and the password of a URL in it, and without what follows a keyword string's
/// `password=`.
pub(super) fn without_userinfo(text: &str) -> String {
    const KEYWORD: &str = "password=";
    if let Some(at) = text.find(KEYWORD) {
        return format!("{}…", text.get(..at + KEYWORD.len()).unwrap_or_default());
    }
    let Some(Range { start, end }) = userinfo(text) else { return text.to_owned() };
    [text.get(..start), Some("…"), text.get(end..)].into_iter().flatten().collect()
}

/// Whether a key of this name may hold a secret: mistyped ones and those that nothing reads stand in
/// diagnostics too. The name of a file is no secret.
pub(super) fn sounds_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let sounds = ["pass", "pwd", "secret", "token"].iter().any(|word| key.contains(word))
        || name::nearest(&key, ["password"]).is_some();
    sounds && !key.ends_with("_file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_a_password_is_shown_without() {
        for (text, expected) in [
            ("postgresql://u:s3cret@h/db", "postgresql://…@h/db"),
            ("postgresql://u:s3/cr@et@h:5432,i/db?x=y", "postgresql://…@h:5432,i/db?x=y"),
            ("postgresql://:s3cret@/db", "postgresql://…@/db"),
            ("postgresql://u@h/db", "postgresql://u@h/db"),
            ("https://login.example.com:8443/", "https://login.example.com:8443/"),
            ("host=h password=s3cret x=y", "host=h password=…"),
            ("", ""),
        ] {
            assert_eq!(without_userinfo(text), expected);
        }
        for line in ["host = \"postgresql://u:s3cret@h/db\"", "url = 'x://a:s3cret@b' # s3cret"] {
            let source = SourceFile::new("howdah.toml", line);
            let shown = blotted(&source);
            assert!(!shown.text().contains("s3cret"), "{}", shown.text());
            assert!(shown.text().contains("://*") && shown.text().len() == line.len());
        }
        let plain = "issuer = \"https://login.example.com/\"";
        assert_eq!(blotted(&SourceFile::new("howdah.toml", plain)).text(), plain);
    }

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
            ("pasword = hunter\n", "pasword = ******\n"),
            ("psasword = hunter\n", "psasword = ******\n"),
            ("${x-Password =hunter\n", "${x-Password =******\n"),
            ("a = 1, token = hunter\n", "a = 1, token = ******\n"),
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
            "port = 5432\n",
            "password =\n",
        ] {
            assert_eq!(blotted(&SourceFile::new("howdah.toml", text)).text(), text);
        }
    }
}
