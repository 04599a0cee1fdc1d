//! What a request says of who sends it, before anything of it is believed.

use super::key;
use ::http::{HeaderMap, HeaderName, header};

/// The header field for an API key alone.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Something that claims to prove who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'r> {
    /// An API key.
    Key(&'r str),
    /// A token.
    Token(&'r str),
}

/// Why no credential can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There are several.
    Several,
    /// It is not written as one.
    Malformed,
}

/// The credential of a request with these header fields, at most `longest` bytes of it; nothing
/// when it brings none that is read here, as with another scheme than `Bearer` (RFC 6750 §2.1).
///
/// # Errors
/// When it brings several, or one that is malformed.
pub(super) fn read(
    headers: &HeaderMap,
    longest: usize,
    api_key_header: bool,
) -> Result<Option<Credential<'_>>, Fault> {
    let one = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Fault::Several),
        }
    };
    let bearer = match one(&header::AUTHORIZATION)? {
        None => None,
        Some(value) => bearer(value.as_bytes(), longest)?,
    };
    let key = if api_key_header { one(&API_KEY)? } else { None };
    match (bearer, key) {
        (Some(_), Some(_)) => Err(Fault::Several),
        (Some(credential), None) => Ok(Some(credential)),
        (None, None) => Ok(None),
        (None, Some(value)) => match value.to_str() {
            Ok(text) if text.len() <= longest => Ok(Some(Credential::Key(text))),
            _ => Err(Fault::Malformed),
        },
    }
}

/// What stands behind `Bearer` in the value of `Authorization` (RFC 9110 §11.6.2).
fn bearer(value: &[u8], longest: usize) -> Result<Option<Credential<'_>>, Fault> {
    let text = value.trim_ascii();
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let (scheme, rest) = text.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    let rest = rest.trim_ascii();
    // RFC 6750 §2.1: b64token.
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    if rest.is_empty() || rest.len() > longest || !rest.iter().all(is_token) {
        return Err(Fault::Malformed);
    }
    let text = std::str::from_utf8(rest).map_err(|_| Fault::Malformed)?;
    Ok(Some(if text.starts_with(key::PREFIX) {
        Credential::Key(text)
    } else {
        Credential::Token(text)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::HeaderValue;
    use proptest::prelude::*;

    fn of(fields: &[(&'static str, &[u8])]) -> Result<Option<(bool, String)>, Fault> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let credential = read(&headers, 100, true)?;
        Ok(credential.map(|credential| match credential {
            Credential::Key(text) => (true, text.to_owned()),
            Credential::Token(text) => (false, text.to_owned()),
        }))
    }

    #[test]
    fn credentials_are_read_where_they_belong() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[("authorization", b"Basic YTpi")]), Ok(None));
        assert_eq!(of(&[("authorization", b"bEARER  a.b.c ")]), Ok(Some((false, "a.b.c".into()))));
        assert_eq!(of(&[("authorization", b"Bearer hdk_x")]), Ok(Some((true, "hdk_x".into()))));
        assert_eq!(of(&[("x-api-key", b"hdk_x")]), Ok(Some((true, "hdk_x".into()))));
    }

    #[test]
    fn what_is_twofold_or_malformed_is_refused() {
        let bearer: (&str, &[u8]) = ("authorization", b"Bearer a");
        let key: (&str, &[u8]) = ("x-api-key", b"b");
        assert_eq!(of(&[bearer, key]), Err(Fault::Several));
        assert_eq!(of(&[bearer, bearer]), Err(Fault::Several));
        assert_eq!(of(&[key, key]), Err(Fault::Several));
        let long = format!("Bearer {}", "a".repeat(101));
        let bad: [&[u8]; 6] =
            [b"Bearer", b"Bearer ", b"Bearer a b", b"Bearer a,b", b"Bearer \xff", long.as_bytes()];
        for bad in bad {
            assert_eq!(of(&[("authorization", bad)]), Err(Fault::Malformed), "{bad:?}");
        }
        assert_eq!(of(&[("x-api-key", b"\xff")]), Err(Fault::Malformed));
    }

    proptest! {
        #[test]
        fn any_field_is_read_or_refused(value in prop::collection::vec(0x20_u8..=0xff, 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert(header::AUTHORIZATION, value);
                let _ = read(&headers, 50, true);
            }
        }
    }
}
