//! Nothing in a request reaches SQL text, a shell or a format string; and no bytes bring the
//! service down.

use super::{get, post, reply, started};
use crate::support::{http, service::Service};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::time::{Duration, Instant};

/// What would do something if anything were to read it.
const LOADED: &[&str] = &[
    "'; DROP TABLE things; --",
    "' OR '1'='1",
    "\\'; SELECT pg_sleep(9); --",
    "$1",
    "$$; DROP TABLE things; $$",
    ":name",
    ":text::int",
    "%s%n%x%p",
    "{}{0}{name}",
    "{hostname}",
    "{now}",
    "${HOME}",
    "${DB_PASSWORD}",
    "$(id)",
    "`id`",
    "; cat /etc/passwd #",
    "| sleep 9",
    "../../../../etc/passwd",
    "<script>alert(1)</script>",
    "\"}]}, {\"x\": \"",
    "\r\nSet-Cookie: a=b",
    "\u{202e}txt",
    "\u{1f418}",
    "\\u0041\\x41\\101",
    "/* */ -- #",
    "COPY things TO PROGRAM 'id'",
];

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| out + &format!("%{byte:02X}"))
}

#[test]
fn loaded_words_come_back_as_they_went() {
    let service = started();
    for (id, text) in LOADED.iter().enumerate() {
        let value = service.get(&format!("/echo?text={}", encoded(text)));
        assert_eq!((value.status, value.json()), (200, serde_json::json!(text)));
        let value = service.get(&format!("/segments/{}", encoded(text)));
        assert_eq!((value.status, value.json()), (200, serde_json::json!(text)));
        let value = service.get(&format!("/hello?name={}", encoded(text)));
        assert_eq!((value.status, value.text()), (200, format!("Hello, {text}!")));
        assert!(value.header("set-cookie").is_none());

        let body =
            serde_json::json!({ "id": id, "name": text, "tags": [text], "extra": { *text: text } });
        let made = reply(&service, &post("application/json", body.to_string().as_bytes()));
        assert_eq!((made.status, made.json()), (200, body), "{made}");
        let form = format!("id={}&name={}", id + 1000, encoded(text));
        let made = reply(&service, &post("application/x-www-form-urlencoded", form.as_bytes()));
        assert_eq!((made.status, &made.json()["name"]), (200, &serde_json::json!(text)), "{made}");
        let row = service.get(&format!("/things/{id}"));
        assert_eq!(row.json()["name"], *text);

        // As a name, a number and a path it is refused, and what is said of it is JSON.
        assert_eq!(
            service.get(&format!("/echo?{}=1", encoded(text))).problem(),
            "invalid-arguments"
        );
        assert_eq!(
            service.get(&format!("/things/{}", encoded(text))).problem(),
            "invalid-arguments"
        );
        assert_eq!(service.get(&format!("/{}", encoded(text))).problem(), "not-found");
        let answer = service.get(&format!("/calculate?expr={}", encoded(text)));
        assert!(answer.status == 400 || answer.status == 200, "{answer}");
    }
    assert_eq!(service.get("/things/0").status, 200, "the table is still there");
}

/// Sends these bytes, and gives how long it took until the service closed.
fn throw(service: &Service, bytes: &[u8]) -> Duration {
    let start = Instant::now();
    let answer = http::raw(service.http, bytes);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{answer:?}");
    start.elapsed()
}

/// Bytes at random, and requests with some of their bytes changed, left out, or doubled.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let requests = prop::sample::select(vec![
        get(b"/echo?text=a%20b"),
        get(b"/things/1"),
        post("application/json", br#"{"id":1,"name":"a","tags":["b"],"extra":{"c":[1,2]}}"#),
        post("application/x-www-form-urlencoded", b"id=1&name=a%20b&tags=c,d"),
        b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_vec(),
    ]);
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    let changed =
        (requests, prop::collection::vec(change, 1..6)).prop_map(|(mut request, changes)| {
            for (index, byte, kind) in changes {
                if request.is_empty() {
                    break;
                }
                let at = index.index(request.len());
                match kind {
                    0 => request[at] = byte,
                    1 => drop(request.remove(at)),
                    2 => request.insert(at, byte),
                    _ => request.truncate(at.max(1)),
                }
            }
            request
        });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..300), changed]
}

#[test]
fn arbitrary_bytes_do_no_harm() {
    let service = started();
    let mut runner =
        TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&bytes(), |bytes| {
        let took = throw(&service, &bytes);
        prop_assert!(took < Duration::from_secs(20), "{took:?}");
        prop_assert_eq!(service.get("/hello").status, 200);
        Ok(())
    });
    outcome.unwrap();
    assert_eq!(service.get("/echo?text=still").text(), r#""still""#);
    let (status, output) = service.stop();
    assert!(status.success());
    assert!(!output.contains("panicked"), "{output}");
}
