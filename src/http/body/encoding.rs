//! How a body is compressed (RFC 9110 §8.4).

use crate::problem::{Code, Problem};
use http::{HeaderMap, header};

/// The encodings that are read, as `Accept-Encoding` lists them.
pub(in crate::http) const ACCEPTED: &str = "gzip, zstd";

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// It is not.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// What the header fields say.
///
/// # Errors
/// 415 for any other encoding, or several of them.
pub(super) fn of(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        let several = headers.contains_key(header::CONTENT_ENCODING);
        return if several { Err(unsupported()) } else { Ok(Encoding::Identity) };
    };
    let known = [
        ("identity", Encoding::Identity),
        ("gzip", Encoding::Gzip),
        ("x-gzip", Encoding::Gzip),
        ("zstd", Encoding::Zstd),
    ];
    let text = value.to_str().unwrap_or_default().trim();
    let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, encoding)| *encoding).ok_or_else(unsupported)
}

fn unsupported() -> Problem {
    Problem::new(Code::UnsupportedEncoding)
        .detail(format!("Bodies are read as they are, or compressed once: {ACCEPTED}."))
}
