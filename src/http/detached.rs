//! A request's head that holds nothing of the buffer that it was read into.

use http::{HeaderValue, Uri, request::Parts};

/// The most bytes of values that are copied: a head that is longer stays where it was read.
const MOST: usize = 2048;

/// Copies the fields of a head and forgets its target; a head whose target `is_wanted` later stays where it is.
///
/// Both are parts of the buffer that the connection reads into (8 KiB, hyper's), and hyper takes another one to
/// watch for a caller that leaves, while somebody holds a part. So every request that waits would hold two.
pub(super) fn detach(parts: &mut Parts, is_wanted: bool) {
    if is_wanted || parts.headers.values().map(HeaderValue::len).sum::<usize>() > MOST {
        return;
    }
    parts.uri = Uri::default();
    for value in parts.headers.values_mut() {
        let is_sensitive = value.is_sensitive();
        // What was a value is one again.
        if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = copy;
            value.set_sensitive(is_sensitive);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::{BufMut, BytesMut};
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
        let headers = format!("{:?}", parts.headers);
        detach(&mut parts, false);
        assert_eq!(parts.uri, "/");
        assert_eq!(format!("{:?}", parts.headers), headers);
        assert_eq!(
            parts.headers.get_all("accept").iter().collect::<Vec<_>>(),
            ["text/csv", "*/*;q=0.1"]
        );
        assert!(is_free(buffer));
    }

    #[test]
    fn a_long_head_and_a_target_that_is_wanted_stay_where_they_are() {
        let long = "x".repeat(MOST + 1);
        for (value, is_wanted) in [("a", true), (&*long, false)] {
            let (mut parts, buffer) = read("/a?b", &[("host", value)]);
            detach(&mut parts, is_wanted);
            assert_eq!(parts.uri, "/a?b");
            assert_eq!(parts.headers["host"], value);
            assert!(!is_free(buffer));
        }
    }

    #[test]
    fn a_secret_value_stays_one() {
        let (mut parts, _buffer) = read("/", &[("authorization", "Bearer x")]);
        parts.headers.get_mut("authorization").unwrap().set_sensitive(true);
        detach(&mut parts, false);
        assert!(parts.headers["authorization"].is_sensitive());
    }
}
