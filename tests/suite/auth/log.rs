//! Who called, in the log, where it is wanted.

use super::{
    SECRET, Stage, get, internal,
    issuer::{Signer, claims},
};
use serde_json::Value;

/// What the lines of the service's requests say of their callers, after these credentials have asked.
fn callers(stage: &Stage, setting: &str, credentials: &[&str]) -> Vec<Value> {
    let service = stage.serve().env("HOWDAH_LOG_CALLERS", setting).start();
    super::wait_until_ready(&service);
    for credential in credentials {
        let answer = get(&service, "/notes", credential);
        assert!([200, 401, 403].contains(&answer.status), "{answer}");
    }
    let (_, output) = service.stop();
    for credential in credentials.iter().filter(|it| it.len() > 20) {
        assert!(!output.contains(credential), "a credential in\n{output}");
    }
    let lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines = lines.filter(|line| line["message"] == "answered" && line["route"] == "/notes");
    lines.map(|line| line["caller"].clone()).collect()
}

#[test]
fn callers_are_named_when_that_is_wanted_and_not_else() {
    let stage = Stage::new();
    let key = stage.key("importer", &["--claim", "tenant=acme", "--role", &stage.role]);
    let token = |subject: &str| {
        let mut claims = claims("internal", "acme");
        claims["scope"] = "notes:read".into();
        claims["sub"] = subject.into();
        Signer::secret(SECRET).sign(&claims)
    };
    let (plain, tricky, long) =
        (token("alice"), token("a\n{\"level\":1}\u{202e}"), token(&"x".repeat(300)));
    let stranger = internal("acme", "notes:read") + "x";
    let credentials = [key.as_str(), &plain, &tricky, &long, &stranger, "nonsense"];
    let said = callers(&stage, "on", &credentials);
    assert_eq!(said.len(), credentials.len(), "{said:?}");
    let issuer = claims("internal", "acme")["iss"].as_str().unwrap().to_owned();
    assert_eq!(said[0], "key importer");
    assert_eq!(said[1], format!("token {issuer} alice"));
    assert_eq!(said[2], format!("token {issuer} a\u{fffd}{{\"level\":1}}\u{fffd}"));
    let cut = said[3].as_str().unwrap();
    assert!(cut.chars().count() == 201 && cut.ends_with("xx…"), "{cut}");
    assert_eq!(said[4..], [Value::Null, Value::Null], "who is not believed is nobody");
    let said = callers(&stage, "off", &[&key, &plain]);
    assert_eq!(said, [Value::Null, Value::Null]);
}
