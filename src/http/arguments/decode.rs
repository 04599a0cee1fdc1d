//! Percent-encoding (RFC 3986 §2.1) and `application/x-www-form-urlencoded` (WHATWG URL, §5.1),
//! without their lenience: what is not encoded well is refused, not guessed.

use crate::problem::{Code, Problem};
use std::borrow::Cow;

/// Why a part of a request cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Percent,
    Utf8,
    Nul,
}

impl Fault {
    fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "has a % without two hexadecimal digits behind it",
            Self::Utf8 => "is not UTF-8 once decoded",
            Self::Nul => "has a NUL",
        }
    }

    /// The problem when it stands in the request's target; `part` names where.
    pub(super) fn in_request(self, part: &str) -> Problem {
        Problem::new(Code::MalformedRequest).detail(format!("The {part} {}.", self.as_str()))
    }

    /// The problem when it stands in a form.
    pub(super) fn in_body(self) -> Problem {
        Problem::new(Code::MalformedBody).detail(format!("The form {}.", self.as_str()))
    }
}

/// Decodes one segment of a path. `+` is a plus, and `%2F` becomes part of the value.
///
/// # Errors
/// `malformed-request` when it is not percent-encoded UTF-8, or has a NUL.
pub fn segment(raw: &str) -> Result<String, Problem> {
    percent(raw, false).map(Cow::into_owned).map_err(|fault| fault.in_request("path"))
}

/// The names and values of a query or form. A name without `=` has the empty value; empty pieces
/// between `&` are skipped.
pub(super) fn pairs(
    text: &str,
) -> impl Iterator<Item = Result<(Cow<'_, str>, Cow<'_, str>), Fault>> {
    let mut rest = Some(text);
    let pieces = std::iter::from_fn(move || {
        let (piece, after) = cut(rest?, b'&');
        rest = after;
        Some(piece)
    });
    pieces.filter(|piece| !piece.is_empty()).map(|piece| {
        let (name, value) = cut(piece, b'=');
        Ok((percent(name, true)?, percent(value.unwrap_or_default(), true)?))
    })
}

/// What stands before and behind the first of an ASCII byte; nothing behind where there is none.
fn cut(text: &str, at: u8) -> (&str, Option<&str>) {
    match memchr::memchr(at, text.as_bytes()) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// The text of a form.
pub(super) fn form(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|_| Fault::Utf8.in_body())
}

fn percent(raw: &str, plus_is_space: bool) -> Result<Cow<'_, str>, Fault> {
    let special = |byte: &u8| *byte == b'%' || *byte == 0 || (plus_is_space && *byte == b'+');
    if !raw.as_bytes().iter().any(special) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = digit().zip(digit()).ok_or(Fault::Percent)?;
                u8::try_from(high << 4 | low).map_err(|_| Fault::Percent)?
            }
            b'+' if plus_is_space => b' ',
            byte => byte,
        });
    }
    if decoded.contains(&0) {
        return Err(Fault::Nul);
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| Fault::Utf8)
}
