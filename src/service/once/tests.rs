use super::*;
use crate::access::{ApiKey, Claims, Token};
use serde_json::json;
use std::{sync::Arc, time::SystemTime};

fn token(subject: Option<&str>, claims: serde_json::Value) -> Caller {
    let serde_json::Value::Object(claims) = claims else { panic!("claims are an object") };
    Caller::Token(Arc::new(Token {
        issuer: "https://issuer".to_owned(),
        subject: subject.map(str::to_owned),
        scopes: Vec::new(),
        expires: SystemTime::UNIX_EPOCH,
        claims: Claims::from(claims),
        role: None,
    }))
}

fn key(name: &str) -> Caller {
    Caller::Key(Arc::new(ApiKey {
        name: name.to_owned(),
        scopes: Vec::new(),
        not_before: None,
        expires: None,
        claims: Claims::default(),
        role: None,
    }))
}

#[test]
fn a_key_is_its_callers_own() {
    let scopes = [
        Once::new("a", &Caller::Anonymous, "k"),
        Once::new("b", &Caller::Anonymous, "k"),
        Once::new("a", &Caller::Anonymous, "l"),
        Once::new("a", &key("k"), "k"),
        Once::new("a", &key("l"), "k"),
        Once::new("a", &token(Some("k"), json!({})), "k"),
        Once::new("a", &token(None, json!({ "tenant": 1 })), "k"),
        Once::new("a", &token(None, json!({ "tenant": 2 })), "k"),
    ];
    for (at, one) in scopes.iter().enumerate() {
        for other in &scopes[at + 1..] {
            assert_ne!(one.key, other.key, "{at}");
        }
    }
    // What a token says besides is another one each hour.
    let hours = [1, 2].map(|at| Once::new("a", &token(Some("k"), json!({ "iat": at })), "k"));
    assert_eq!(hours[0].key, hours[1].key);
}

#[test]
fn no_two_requests_look_alike() {
    let digest = |parts: &[&str], arguments: &[Argument]| {
        let mut once = Once::new("a", &Caller::Anonymous, "k");
        for part in parts {
            once.asks(part.as_bytes());
        }
        for argument in arguments {
            once.asks_with(argument);
        }
        <[u8; 32]>::from(once.request().finalize())
    };
    let text = |text: &str| Argument::Text(text.as_bytes().to_vec());
    let all = [
        digest(&["POST", "/a"], &[]),
        digest(&["POST/a"], &[]),
        digest(&["POST", "/a"], &[text("")]),
        digest(&["POST", "/a"], &[Argument::Null]),
        digest(&["POST", "/a"], &[Argument::Binary(Vec::new())]),
        digest(&["POST", "/a"], &[text("a"), text("b")]),
        digest(&["POST", "/a"], &[text("ab")]),
        digest(&["POST", "/a"], &[text("ab"), text("")]),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[at + 1..].contains(one), "{at}");
    }
    assert_eq!(all[0], digest(&["POST", "/a"], &[]));
}

#[test]
fn old_answers_are_looked_for_now_and_then() {
    for (keep_s, period_s) in [(1, 1), (60, 15), (24 * 3600, 600)] {
        assert_eq!(tidying_period(Duration::from_secs(keep_s)), Duration::from_secs(period_s));
    }
}
