//! What browsers are told: who may read an answer, and how careful to be.

use super::{Stage, get};

const APP: &str = "https://app.example.com";

#[test]
fn a_known_origin_may_ask_and_others_are_told_nothing() {
    let stage = Stage::new();
    let service = stage.start();
    let ask = |origin: &str, path: &str| {
        let fields = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization"),
        ];
        service.send("OPTIONS", path, &fields, b"")
    };
    for path in ["/notes", "/open"] {
        let answer = ask(APP, path);
        assert_eq!(answer.status, 204, "nobody signs in to ask whether they may");
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
        assert!(answer.header("access-control-allow-headers").unwrap().contains("authorization"));
        assert_eq!(answer.header("access-control-max-age"), Some("600"));
        assert!(answer.header("allow").is_some());
    }
    for origin in [
        "https://evil.example",
        "https://app.example.com.evil.example",
        "null",
        "http://app.example.com",
    ] {
        let answer = ask(origin, "/notes");
        assert_eq!(answer.status, 204);
        for (name, _) in &answer.headers {
            assert!(!name.starts_with("access-control"), "{origin}: {name}");
        }
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    assert_eq!(ask(APP, "/nope").status, 404);
    let answer = service.send("GET", "/open", &[("origin", APP)], b"");
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("x-request-id"));
    assert_eq!(answer.header("vary"), Some("Origin"));
    // A page may read why it was refused.
    let refused = service.send("GET", "/unsaid", &[("origin", APP)], b"");
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, Some(APP)));
    assert_eq!(service.get("/open").header("access-control-allow-origin"), None);
}

#[test]
fn every_answer_keeps_browsers_careful_unless_told_otherwise() {
    let stage = Stage::new();
    let service = stage.start();
    for path in ["/open", "/nope", "/unsaid"] {
        let answer = service.get(path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("server"), None);
        assert_eq!(
            answer.header("strict-transport-security"),
            None,
            "without TLS it means nothing"
        );
        assert_eq!(answer.header("content-security-policy"), None);
    }
    let page = service.send("GET", "/nope", &[("accept", "text/html")], b"");
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let mut serve = stage.serve();
    for key in
        ["nosniff=false", "cross_origin_resource_policy=", "referrer_policy=", "no_store=false"]
    {
        serve = serve.arg("--set").arg(format!("headers.{key}"));
    }
    let key = stage.key("k", &[]);
    let lax = serve.env("HOWDAH_HEADERS_STRICT_TRANSPORT_SECURITY", "max-age=1").start();
    let answer = get(&lax, "/unsaid", &key);
    assert_eq!(answer.status, 200);
    for name in ["x-content-type-options", "cross-origin-resource-policy", "cache-control"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=1"));
    let page = lax.send("GET", "/nope", &[("accept", "text/html")], b"");
    assert_eq!(page.header("referrer-policy"), None);
    assert!(page.header("content-security-policy").is_some());
}
