//! JSON documents as arguments: valid, of bounded depth, and such that PostgreSQL can hold them.

use super::{Invalid, number};
use serde::de::IgnoredAny;

/// How deep arrays and objects may stand within each other.
const MAX_DEPTH: usize = 128;
/// What the binary form of `jsonb` begins with (PostgreSQL's `jsonb_recv`).
pub(super) const JSONB_VERSION: u8 = 1;

/// Checks a document for `json`, or for `jsonb`, which keeps numbers as `numeric`.
pub(super) fn check(text: &str, is_jsonb: bool) -> Result<(), Invalid> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| Invalid::new("is not JSON"))?;
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Invalid::new("is nested deeper than 128 levels"));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                at = string(bytes, at + 1)?;
                continue;
            }
            b'-' | b'0'..=b'9' => {
                let end = bytes[at..]
                    .iter()
                    .position(|byte| {
                        !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
                    })
                    .map_or(bytes.len(), |length| at + length);
                if is_jsonb && !text.get(at..end).is_some_and(number::fits_numeric) {
                    return Err(Invalid::new("has a number too large for jsonb"));
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// Goes to the end of the string whose content begins at `at`. PostgreSQL has no text with a NUL,
/// and no half of a surrogate pair.
fn string(bytes: &[u8], mut at: usize) -> Result<usize, Invalid> {
    const HALF: Invalid = Invalid::new("has half of a surrogate pair");
    let mut high = false;
    loop {
        let unit = match (bytes.get(at), bytes.get(at + 1)) {
            (None, _) => return Err(Invalid::new("is not JSON")),
            (Some(b'\\'), Some(b'u')) => {
                let digits = bytes.get(at + 2..at + 6).unwrap_or_default();
                let digits = std::str::from_utf8(digits).unwrap_or_default();
                at += 6;
                u16::from_str_radix(digits, 16).map_err(|_| Invalid::new("is not JSON"))?
            }
            (Some(b'\\'), _) => {
                at += 2;
                1
            }
            (Some(byte), _) => {
                at += 1;
                if *byte == b'"' && !high {
                    return Ok(at);
                }
                1
            }
        };
        let low = (0xDC00..=0xDFFF).contains(&unit);
        if low != high {
            return Err(HALF);
        }
        if unit == 0 {
            return Err(Invalid::new("has a NUL character"));
        }
        high = (0xD800..=0xDBFF).contains(&unit);
    }
}
