//! A message and its signature (Standard Webhooks, <https://www.standardwebhooks.com>): the header
//! fields `webhook-id`, `webhook-timestamp` and `webhook-signature`, the last one of
//! `v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`.

use crate::secret::{Secret, SecretBytes};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// How many bytes a secret has.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;
/// How many secrets there may be while one replaces the other.
const MOST: usize = 2;

/// What is sent of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The same each time that it is sent, and no other message's.
    pub(super) id: String,
    /// What happened.
    action: String,
    /// How it ended.
    outcome: String,
    /// The JSON.
    pub(super) body: String,
}

impl Message {
    /// The message of a leaf of the trail; nothing of one that is no entry.
    pub(super) fn of(service: &str, leaf: i64, body: &str) -> Option<Self> {
        let envelope: Value = serde_json::from_str(body).ok()?;
        let entry = envelope.get("entry")?;
        let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        let action = text("action")?;
        let data = json!({
            "leaf": leaf, "service": service, "actor": entry["actor"], "subject": entry["subject"],
            "outcome": entry["outcome"], "detail": entry["detail"],
        });
        let body = json!({ "type": action, "timestamp": envelope["at"], "data": data });
        let id = format!("{service}_{leaf}");
        Some(Self { id, outcome: text("outcome")?, action, body: body.to_string() })
    }

    /// Whether it is among what is told: what was done or has failed, and not what somebody was refused,
    /// which anybody can bring about. What the keeper itself refuses to believe of its trail is told.
    pub(super) fn is_wanted(&self, events: &[String]) -> bool {
        let fits = |event: &String| match event.strip_suffix('*') {
            Some(begin) => self.action.starts_with(begin),
            None => self.action == *event,
        };
        let is_somebodys = self.outcome == "refused" && !self.action.starts_with("audit.");
        !is_somebodys && events.iter().any(fits)
    }
}

/// What signs: one secret, or two while one replaces the other.
pub(super) struct Secrets(Vec<SecretBytes>);

impl Secrets {
    /// Reads a file's text: a secret a line.
    pub(super) fn parse(text: &Secret) -> Result<Self, &'static str> {
        let lines = text.expose().lines().map(str::trim).filter(|it| !it.is_empty());
        let secrets: Result<Vec<_>, _> = lines.map(secret).collect();
        let secrets = secrets?;
        if secrets.is_empty() || secrets.len() > MOST {
            return Err("it holds one secret, or two while one replaces the other, each on a line");
        }
        Ok(Self(secrets))
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, timestamp_s: u64, body: &str) -> String {
        let content = format!("{id}.{timestamp_s}.{body}");
        let sign = |secret: &SecretBytes| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
            format!("v1,{}", STANDARD.encode(hmac::sign(&key, content.as_bytes())))
        };
        self.0.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

fn secret(line: &str) -> Result<SecretBytes, &'static str> {
    const WRONG: &str = "a secret is `whsec_` and the base64 of 24 to 64 random bytes";
    let bytes = STANDARD.decode(line.strip_prefix(PREFIX).ok_or(WRONG)?).map_err(|_| WRONG)?;
    let bytes = Zeroizing::new(bytes);
    if LENGTH.contains(&bytes.len()) { Ok(SecretBytes::new(bytes)) } else { Err(WRONG) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    fn parse(text: &str) -> Result<Secrets, &'static str> {
        Secrets::parse(&Secret::new(text.to_owned()))
    }

    /// The example of the specification's reference libraries.
    #[test]
    fn a_known_message_has_its_known_signature() {
        let secrets = parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let signature =
            secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_sign_twice_and_what_is_none_is_refused() {
        let good = format!("whsec_{}", STANDARD.encode([7; 24]));
        let both = parse(&format!("{good}\n\n{good}\n")).unwrap().sign("a", 1, "b");
        let (one, other) = both.split_once(' ').unwrap();
        assert!(one == other && one.starts_with("v1,"));
        let three = format!("{good}\n{good}\n{good}");
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        for bad in ["", "\n", "secret", "whsec_", "whsec_%%%", &short, &long, &three] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_done_or_fails_is_told_when_it_is_wanted() {
        let leaf = |action: &str, outcome: &str| {
            let entry = json!({ "action": action, "actor": "a", "subject": "s", "outcome": outcome,
                "detail": { "n": 1 } });
            let body = json!({ "writer": "access", "at": "2026-01-31T00:00:00Z", "entry": entry });
            Message::of("rates", 7, &body.to_string()).unwrap()
        };
        let message = leaf("request.made", "done");
        assert_eq!(message.id, "rates_7");
        let body: Value = serde_json::from_str(&message.body).unwrap();
        assert_eq!((&body["type"], &body["data"]["leaf"]), (&json!("request.made"), &json!(7)));
        let wants = |events: &[&str], message: &Message| {
            message.is_wanted(&events.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
        };
        for events in [&["request.*"][..], &["*"], &["a", "request.made"]] {
            assert!(wants(events, &message));
        }
        for events in [&["request"][..], &["request.mad"], &[]] {
            assert!(!wants(events, &message));
        }
        assert!(!wants(&["*"], &leaf("request.made", "refused")));
        assert!(wants(&["rotation.stuck"], &leaf("rotation.stuck", "failed")));
        assert!(wants(&["audit.checkpoint"], &leaf("audit.checkpoint", "refused")));
        assert_eq!(Message::of("rates", 1, "no JSON"), None);
        assert_eq!(Message::of("rates", 1, "{}"), None);
    }
}
