//! The `Link` field of a page (RFC 8288): where the next page is, and the first.
//!
//! Owns the targets. They are references of a query alone, which a client resolves against the address
//! it asked (RFC 3986 §5.2.2): that stays right behind a proxy that serves the service below another
//! path, whatever the path's suffix was.

use super::arguments;
use crate::endpoint::page::{CURSOR, LIMIT};
use http::HeaderValue;
use std::fmt::Write as _;

/// The value of the field, for a request with this query and a page of at most `limit` rows; `next` is
/// the cursor of the next page, when there is one.
pub(super) fn field(query: Option<&str>, limit: u32, next: Option<&str>) -> HeaderValue {
    let first = without_cursor(query.unwrap_or_default(), limit);
    let mut value = String::new();
    if let Some(cursor) = next {
        value = format!("<?{first}&{CURSOR}={cursor}>; rel=\"next\", ");
    }
    // Writing into a String does not fail.
    let _ = write!(value, "<?{first}>; rel=\"first\"");
    // It is ASCII without control characters: that is what is let through below.
    HeaderValue::from_str(&value).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The query without its cursor; never empty, for an empty reference means the address as it was.
fn without_cursor(query: &str, limit: u32) -> String {
    let is_cursor = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        arguments::decode_segment(name).is_ok_and(|name| name == CURSOR)
    };
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !is_cursor(pair));
    let mut target = String::with_capacity(query.len());
    for pair in kept {
        if !target.is_empty() {
            target.push('&');
        }
        pair.bytes().for_each(|byte| push(byte, &mut target));
    }
    if target.is_empty() { format!("{LIMIT}={limit}") } else { target }
}

/// The byte as a query has it (RFC 3986 §3.4): a request may have brought others as they are.
fn push(byte: u8, out: &mut String) {
    if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte) {
        out.push(char::from(byte));
    } else {
        let _ = write!(out, "%{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn links_keep_the_arguments_and_not_the_cursor() {
        let link = |query, next| field(query, 7, next).to_str().unwrap_or_default().to_owned();
        assert_eq!(link(None, None), "<?limit=7>; rel=\"first\"");
        assert_eq!(
            link(Some(""), Some("x.y")),
            "<?limit=7&cursor=x.y>; rel=\"next\", <?limit=7>; rel=\"first\""
        );
        assert_eq!(
            link(Some("a=1&cursor=b.c&limit=3&c%75rsor=d"), Some("x.y")),
            "<?a=1&limit=3&cursor=x.y>; rel=\"next\", <?a=1&limit=3>; rel=\"first\""
        );
        assert_eq!(link(Some("a=>\"é%20"), None), "<?a=%3E%22%C3%A9%20>; rel=\"first\"");
    }
}
