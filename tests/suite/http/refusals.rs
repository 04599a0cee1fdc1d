//! Every malformed request gets the right problem.

use super::{get, head, post, reply, started};
use crate::support::service::Service;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A request, and the status and code of the problem it gets.
type Case = (&'static str, Vec<u8>, u16, &'static str);

fn judge(service: &Service, cases: Vec<Case>) {
    for (name, request, status, code) in cases {
        let answer = reply(service, &request);
        assert_eq!(answer.status, status, "{name}: {answer}");
        assert_eq!(answer.problem(), code, "{name}: {answer}");
        let id = answer.header("x-request-id").expect("an id");
        assert_eq!(answer.json()["request_id"], id, "{name}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{name}");
        let title = answer.json()["title"].as_str().map(str::len);
        assert!(title > Some(0), "{name}: {answer}");
    }
}

/// A head of these lines behind a request line, ended.
fn with(first: &str, fields: &str) -> Vec<u8> {
    [&head(first)[..], fields.as_bytes(), b"\r\n"].concat()
}

fn bare(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

#[test]
fn targets() {
    let service = started();
    let long = |bytes: usize| get(&[b"/echo?text=", vec![b'a'; bytes].as_slice()].concat());
    let many: Vec<String> = (0..300).map(|at| format!("p{at}")).collect();
    judge(
        &service,
        vec![
            ("% at the end", get(b"/echo?text=%"), 400, "malformed-request"),
            ("half a %", get(b"/echo?text=%4"), 400, "malformed-request"),
            ("no digits", get(b"/echo?text=%zz"), 400, "malformed-request"),
            ("no digits in a name", get(b"/echo?%zz=1"), 400, "malformed-request"),
            ("no digits in a path", get(b"/segments/%zz"), 400, "malformed-request"),
            ("NUL, encoded", get(b"/echo?text=%00"), 400, "malformed-request"),
            ("NUL, encoded, in a path", get(b"/segments/a%00b"), 400, "malformed-request"),
            ("NUL, raw", get(b"/echo?text=a\0b"), 400, "malformed-request"),
            ("no UTF-8, encoded", get(b"/echo?text=%ff"), 400, "malformed-request"),
            ("no UTF-8, encoded, in a path", get(b"/segments/%c3%28"), 400, "malformed-request"),
            ("a surrogate", get(b"/echo?text=%ed%a0%80"), 400, "malformed-request"),
            ("no UTF-8, raw", get(b"/echo?text=\xff"), 400, "malformed-request"),
            ("a space", get(b"/echo?text=a b"), 400, "malformed-request"),
            ("too long", long(3000), 414, "uri-too-long"),
            ("longer than a head may be", long(20_000), 414, "uri-too-long"),
            ("longer than any may be", long(100_000), 414, "uri-too-long"),
            ("nothing there", get(b"/nope"), 404, "not-found"),
            ("a slash more", get(b"/things/"), 404, "not-found"),
            ("two slashes", get(b"//things"), 404, "not-found"),
            ("dots are no way up", get(b"/segments/../things"), 404, "not-found"),
            ("an empty segment", get(b"/segments/"), 404, "not-found"),
            ("a star", get(b"*"), 404, "not-found"),
            ("missing", get(b"/echo"), 400, "invalid-arguments"),
            ("missing behind ?", get(b"/echo?"), 400, "invalid-arguments"),
            ("repeated", get(b"/echo?text=a&text=b"), 400, "invalid-arguments"),
            ("repeated the same", get(b"/echo?text=a&text=a"), 400, "invalid-arguments"),
            ("unknown", get(b"/echo?text=a&other=b"), 400, "invalid-arguments"),
            ("array by brackets", get(b"/echo?text[]=a"), 400, "invalid-arguments"),
            (
                "very many",
                get(format!("/echo?{}", many.join("&")).as_bytes()),
                400,
                "invalid-arguments",
            ),
            ("not a number", get(b"/things/abc"), 400, "invalid-arguments"),
            ("out of the type's range", get(b"/things/2147483648"), 400, "invalid-arguments"),
            ("out of the declared range", get(b"/things?limit=-1"), 400, "invalid-arguments"),
            ("no such row", get(b"/things/77"), 404, "row-not-found"),
        ],
    );
    let answer = reply(&service, &get(b"/echo?txt=a&limit=1&limit=2"));
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    assert_eq!(errors.len(), 3, "all at once: {answer}");
    assert!(answer.text().contains("did you mean `text`?"), "{answer}");
}

#[test]
fn methods() {
    let service = started();
    let method = |name: &str, target: &str| with(&format!("{name} {target} HTTP/1.1"), "");
    for (name, target, allow) in [
        ("DELETE", "/things", "GET, POST, HEAD, OPTIONS"),
        ("POST", "/things/1", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ("POST", "/echo?text=a", "GET, HEAD, OPTIONS"),
        ("TRACE", "/things", "GET, POST, HEAD, OPTIONS"),
        ("FROB", "/hello", "GET, HEAD, OPTIONS"),
        ("get", "/hello", "GET, HEAD, OPTIONS"),
    ] {
        let answer = reply(&service, &method(name, target));
        assert_eq!((answer.status, answer.problem().as_str()), (405, "method-not-allowed"));
        let sorted = |list: &str| {
            let mut names: Vec<_> = list.split(", ").map(str::to_owned).collect();
            names.sort();
            names
        };
        assert_eq!(sorted(answer.header("allow").unwrap()), sorted(allow), "{name} {target}");
    }
    judge(
        &service,
        vec![
            ("CONNECT", method("CONNECT", "example.org:80"), 400, "malformed-request"),
            ("a method of nonsense", method("G@T{}", "/hello"), 400, "malformed-request"),
            ("a path that is not there", method("DELETE", "/nope"), 404, "not-found"),
        ],
    );
    let options = reply(&service, &method("OPTIONS", "/things"));
    assert_eq!((options.status, options.body.len()), (204, 0));
    assert_eq!(options.header("allow"), Some("GET, POST, HEAD, OPTIONS"));
    assert_eq!(reply(&service, &method("OPTIONS", "*")).status, 204);
}

#[test]
fn heads() {
    let service = started();
    let first = "GET /hello HTTP/1.1";
    let fields = "X-Many: 1\r\n".repeat(60);
    let large = format!("X-Large: {}\r\n", "a".repeat(20_000));
    let flood = format!("X-Large: {}\r\n", "a".repeat(3_000_000));
    let trace = |fields: &[u8]| [&head("GET /trace HTTP/1.1")[..], fields, b"\r\n"].concat();
    judge(
        &service,
        vec![
            (
                "no Host",
                bare("GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n"),
                400,
                "malformed-request",
            ),
            ("two Hosts", with(first, "Host: other\r\n"), 400, "malformed-request"),
            (
                "no host",
                bare("GET /hello HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n"),
                400,
                "malformed-request",
            ),
            ("too many fields", with(first, &fields), 431, "headers-too-large"),
            ("too large a field", with(first, &large), 431, "headers-too-large"),
            ("a flood", with(first, &flood), 431, "headers-too-large"),
            ("a bad name", with(first, "Bad Name: 1\r\n"), 400, "malformed-request"),
            ("a space before the colon", with(first, "Bad : 1\r\n"), 400, "malformed-request"),
            ("no colon", with(first, "Bad\r\n"), 400, "malformed-request"),
            ("a folded line", with(first, "A: 1\r\n b\r\n"), 400, "malformed-request"),
            ("NUL in a value", with(first, "A: a\0b\r\n"), 400, "malformed-request"),
            ("a version to come", with("GET /hello HTTP/1.2", ""), 400, "malformed-request"),
            ("another version", with("GET /hello HTTP/2.0", ""), 400, "malformed-request"),
            ("HTTP/2", bare("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400, "malformed-request"),
            ("HTTP/0.9", bare("GET /hello\r\n\r\n"), 400, "malformed-request"),
            ("words", bare("hello there, are you listening?\r\n\r\n"), 400, "malformed-request"),
            (
                "TLS",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
                400,
                "malformed-request",
            ),
            (
                "a length of nonsense",
                with("POST /things HTTP/1.1", "Content-Length: -1\r\n"),
                400,
                "malformed-request",
            ),
            (
                "a signed length",
                with("POST /things HTTP/1.1", "Content-Length: +2\r\n"),
                400,
                "malformed-request",
            ),
            (
                "two lengths",
                with("POST /things HTTP/1.1", "Content-Length: 1\r\nContent-Length: 2\r\n"),
                400,
                "malformed-request",
            ),
            (
                "a length that overflows",
                with("POST /things HTTP/1.1", "Content-Length: 99999999999999999999999\r\n"),
                400,
                "malformed-request",
            ),
            (
                "an unknown transfer coding",
                with("POST /things HTTP/1.1", "Transfer-Encoding: gzip\r\n"),
                400,
                "malformed-request",
            ),
            (
                "chunked, and not last",
                with("POST /things HTTP/1.1", "Transfer-Encoding: chunked, gzip\r\n"),
                400,
                "malformed-request",
            ),
            (
                "chunked in HTTP/1.0",
                with("POST /things HTTP/1.0", "Transfer-Encoding: chunked\r\n"),
                400,
                "malformed-request",
            ),
            ("a parameter missing", trace(b""), 400, "invalid-arguments"),
            ("a parameter twice", trace(b"X-Trace: a\r\nX-Trace: b\r\n"), 400, "invalid-arguments"),
            ("a parameter that is no UTF-8", trace(b"X-Trace: \xff\r\n"), 400, "invalid-arguments"),
        ],
    );
    // Cut short by the caller, who still listens.
    let answer = crate::support::http::raw_reply(service.http, b"GET /hello HTTP/1.1\r\nHos");
    assert_eq!(answer.expect("an answer").problem(), "malformed-request");
}

#[test]
fn bodies() {
    let service = started();
    let chunked = |chunks: &str| {
        let fields = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
        [&with("POST /things HTTP/1.1", fields)[..], chunks.as_bytes()].concat()
    };
    let large = format!(r#"{{"id":1,"name":"{}"}}"#, "a".repeat(5000));
    let deep = format!(r#"{{"id":1,"name":"a","extra":{}1{}}}"#, "[".repeat(9), "]".repeat(9));
    let deepest = format!(r#"{{"id":1,"name":"a","extra":{}"#, "[".repeat(4000));
    let huge = vec![b'a'; 3_000_000];
    let encoded = |coding: &str| {
        let mut request = head("POST /things HTTP/1.1");
        let rest = format!(
            "Content-Type: {JSON}\r\nContent-Encoding: {coding}\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        request.extend(rest.bytes());
        request
    };
    judge(
        &service,
        vec![
            ("no content type", post("", b"{}"), 415, "unsupported-media-type"),
            ("text", post("text/plain", b"{}"), 415, "unsupported-media-type"),
            ("nonsense", post("\u{fc}", b"{}"), 415, "unsupported-media-type"),
            (
                "multipart",
                post("multipart/form-data; boundary=a", b"--a--"),
                415,
                "unsupported-media-type",
            ),
            (
                "Latin-1",
                post("application/json; charset=latin1", b"{}"),
                415,
                "unsupported-media-type",
            ),
            ("compressed otherwise", encoded("br"), 415, "unsupported-encoding"),
            ("no gzip", encoded("gzip"), 400, "malformed-body"),
            ("cut", post(JSON, br#"{"id":"#), 400, "malformed-body"),
            ("an array", post(JSON, b"[]"), 400, "malformed-body"),
            ("a number", post(JSON, b"1"), 400, "malformed-body"),
            ("two objects", post(JSON, b"{}{}"), 400, "malformed-body"),
            ("a comment", post(JSON, b"{}//"), 400, "malformed-body"),
            ("a comma too many", post(JSON, br#"{"id":1,}"#), 400, "malformed-body"),
            ("no UTF-8", post(JSON, b"{\"name\":\"\xff\"}"), 400, "malformed-body"),
            ("NUL, raw", post(JSON, b"{\"name\":\"a\0b\"}"), 400, "malformed-body"),
            ("nested too deep", post(JSON, deep.as_bytes()), 400, "malformed-body"),
            ("nested far too deep", post(JSON, deepest.as_bytes()), 400, "malformed-body"),
            (
                "NUL, escaped",
                post(JSON, br#"{"id":1,"name":"a\u0000b"}"#),
                400,
                "invalid-arguments",
            ),
            ("half a pair", post(JSON, br#"{"id":1,"name":"\ud800"}"#), 400, "invalid-arguments"),
            (
                "a member twice",
                post(JSON, br#"{"id":1,"id":2,"name":"a"}"#),
                400,
                "invalid-arguments",
            ),
            (
                "a member unknown",
                post(JSON, br#"{"id":1,"name":"a","x":1}"#),
                400,
                "invalid-arguments",
            ),
            ("a member missing", post(JSON, br#"{"id":1}"#), 400, "invalid-arguments"),
            (
                "text for a number",
                post(JSON, br#"{"id":"x","name":"a"}"#),
                400,
                "invalid-arguments",
            ),
            ("nothing at all", post(JSON, b""), 400, "invalid-arguments"),
            ("a form's %", post(FORM, b"id=1&name=%zz"), 400, "malformed-body"),
            ("a form's NUL", post(FORM, b"id=1&name=%00"), 400, "malformed-body"),
            ("a form's raw NUL", post(FORM, b"id=1&name=a\0"), 400, "malformed-body"),
            ("a form that is no UTF-8", post(FORM, b"id=1&name=\xff"), 400, "malformed-body"),
            ("a form's name twice", post(FORM, b"id=1&id=2&name=a"), 400, "invalid-arguments"),
            ("too large", post(JSON, large.as_bytes()), 413, "body-too-large"),
            ("far too large", post(JSON, &huge), 413, "body-too-large"),
            ("too large in chunks", chunked(&format!("1388\r\n{large}")), 413, "body-too-large"),
            ("no chunk size", chunked("zz\r\n{}\r\n0\r\n\r\n"), 400, "malformed-body"),
            (
                "a chunk size that overflows",
                chunked("ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
                400,
                "malformed-body",
            ),
            ("a chunk longer than it says", chunked("1\r\n{}\r\n0\r\n\r\n"), 400, "malformed-body"),
        ],
    );
    let left = service.get("/things?limit=0");
    assert_eq!(left.text(), r#"{"things":[]}"#);
}
