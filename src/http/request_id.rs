//! The id that ties a request, its answer and its log lines together.

use super::representation::digit;
use http::{HeaderMap, HeaderName};
use std::fmt;

/// The header field that carries it, both ways.
pub const FIELD: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a caller, in bytes.
const LONGEST: usize = 64;

/// A request's id: the caller's, when it is harmless, else 16 random hexadecimal digits. It is no
/// secret and nothing is decided by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// The id of a request with these header fields.
    pub fn of(headers: &HeaderMap) -> Self {
        let theirs = headers.get(FIELD).and_then(|value| value.to_str().ok()).filter(|id| {
            (1..=LONGEST).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        });
        match theirs {
            Some(id) => Self(id.into()),
            None => Self(random()),
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// 16 hexadecimal digits. Every request takes them: with `format!`, and a field's name that was read each time, it took 700
/// instructions more.
fn random() -> Box<str> {
    let number = fastrand::u64(..);
    let digits = (0..16).rev().map(|place| digit((number >> (4 * place) & 0xf) as u8));
    let mut text = String::with_capacity(16);
    text.extend(digits);
    text.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(id: &str) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(FIELD, HeaderValue::from_str(id).unwrap());
        RequestId::of(&headers)
    }

    #[test]
    fn a_harmless_id_is_taken_over_and_any_other_replaced() {
        assert_eq!(of("abc-1.2_3").as_str(), "abc-1.2_3");
        for bad in ["", "a b", "a\tb", "<script>", &"x".repeat(65)] {
            assert_eq!(of(bad).as_str().len(), 16, "{bad}");
        }
        assert_ne!(RequestId::of(&HeaderMap::new()), RequestId::of(&HeaderMap::new()));
    }
}
