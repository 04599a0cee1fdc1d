//! A request's head in room of its own.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Uri, request::Parts, uri::PathAndQuery};

/// The most bytes that are copied: a head that is longer stays where it was read.
const MOST: usize = 2048;

/// Copies a head out of the buffer that its connection reads into.
///
/// The target and the values of fields are parts of that buffer (8 KiB, hyper's), and hyper takes another one
/// to watch for a caller that leaves while somebody holds a part. So every request that waits
/// would hold two; and room of that size is found and given back more slowly than a small head is copied.
pub(super) fn detach(parts: &mut Parts) {
    let Some(target) = target(&parts.uri) else { return };
    let length = target.len() + parts.headers.values().map(HeaderValue::len).sum::<usize>();
    if length > MOST {
        return;
    }
    let mut copied = BytesMut::with_capacity(length);
    copied.put_slice(target.as_bytes());
    for value in parts.headers.values() {
        copied.put_slice(value.as_bytes());
    }
    let mut copied = copied.freeze();
    let target = copied.split_to(target.len());
    // What was taken once is taken again; would it not be, it stays where it is.
    if let Ok(target) = PathAndQuery::from_maybe_shared(target) {
        parts.uri = Uri::from(target);
    }
    take_values(&mut parts.headers, copied);
}

/// The target, when it is a path: the other forms have an authority, or no slash.
fn target(uri: &Uri) -> Option<&str> {
    let target = uri.path_and_query()?.as_str();
    (uri.authority().is_none() && uri.scheme().is_none() && target.starts_with('/'))
        .then_some(target)
}

/// Takes each value's bytes from `copied`, where they stand one after the other.
fn take_values(headers: &mut HeaderMap, mut copied: Bytes) {
    for value in headers.values_mut() {
        let sensitive = value.is_sensitive();
        if let Ok(mut taken) = HeaderValue::from_maybe_shared(copied.split_to(value.len())) {
            taken.set_sensitive(sensitive);
            *value = taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, Request};

    /// A head whose bytes are parts of a buffer, as hyper reads it; and the buffer.
    fn read(target: &str, fields: &[(&str, &str)]) -> (Parts, BytesMut) {
        let mut buffer = BytesMut::with_capacity(8192);
        let mut part = |text: &str| {
            buffer.put_slice(text.as_bytes());
            buffer.split_to(text.len()).freeze()
        };
        let mut request = Request::new(());
        *request.uri_mut() = Uri::from_maybe_shared(part(target)).unwrap();
        for (name, value) in fields {
            let value = HeaderValue::from_maybe_shared(part(value)).unwrap();
            request.headers_mut().append(name.parse::<HeaderName>().unwrap(), value);
        }
        (request.into_parts().0, buffer)
    }

    /// Whether room for another head is the buffer's own again.
    fn is_free(mut buffer: BytesMut) -> bool {
        buffer.try_reclaim(8192)
    }

    #[test]
    fn a_detached_head_is_the_same_and_holds_no_buffer() {
        let fields = [
            ("host", "localhost"),
            ("accept", "text/csv"),
            ("x-forwarded-for", "192.0.2.1"),
            ("accept", "*/*;q=0.1"),
            ("x-empty", ""),
            ("x-latin", "caf\u{e9}"),
            ("x-forwarded-for", "192.0.2.2"),
        ];
        let (mut parts, buffer) = read("/rates/%C3%A9?a=1&b=%20", &fields);
        let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
        let (uri, headers) = (uri.to_string(), format!("{headers:?}"));
        detach(&mut parts);
        assert_eq!(parts.uri.to_string(), uri);
        assert_eq!(format!("{:?}", parts.headers), headers);
        assert_eq!(
            parts.headers.get_all("accept").iter().collect::<Vec<_>>(),
            ["text/csv", "*/*;q=0.1"]
        );
        assert!(is_free(buffer));
    }

    #[test]
    fn other_forms_and_long_heads_stay_where_they_are() {
        let long = "x".repeat(MOST);
        for (target, value) in [("http://example.org/a", "a"), ("*", "a"), ("/a", &*long)] {
            let (mut parts, buffer) = read(target, &[("host", value)]);
            detach(&mut parts);
            assert_eq!(parts.uri.to_string().trim_end_matches('/'), target);
            assert_eq!(parts.headers["host"], value);
            assert!(!is_free(buffer), "{target}");
        }
    }

    #[test]
    fn a_secret_value_stays_one() {
        let (mut parts, _buffer) = read("/", &[("authorization", "Bearer x")]);
        parts.headers.get_mut("authorization").unwrap().set_sensitive(true);
        detach(&mut parts);
        assert!(parts.headers["authorization"].is_sensitive());
    }
}
