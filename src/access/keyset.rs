//! Key sets (JWKS, RFC 7517): which key checks which token.
//!
//! Each key is bound to the one algorithm that it is for, whatever a token says of itself; so no
//! token turns a public key into the secret of an HMAC.

use crate::config::Algorithm;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

/// The most keys of a set that are looked at.
const MOST_KEYS: usize = 100;
/// The shortest secret for HS256, in bytes: RFC 7518 §3.2 wants one as long as the hash.
const SHORTEST_SECRET: usize = 32;
/// The least and the greatest length of an RSA modulus, in bytes: 2048 to 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;
/// The length of a coordinate of P-256, and of a point of Ed25519, in bytes.
const POINT: usize = 32;

/// The keys of an issuer.
#[derive(Clone, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// A key that checks signatures.
#[derive(Clone)]
pub struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// The members of a key that matter here (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// The public keys of the document `text`. Those that are for something else, or of a kind that
    /// is not taken, are passed over, as RFC 7517 §5 has it; so is every secret.
    ///
    /// # Errors
    /// When it is no key set, or no key of it can be used; what is in it is not repeated.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let set: Set = serde_json::from_slice(text).map_err(|error| {
            format!("it is no key set (line {}, column {})", error.line(), error.column())
        })?;
        let keys = set.keys.into_iter().take(MOST_KEYS);
        let keys: Vec<Key> = keys
            .filter_map(|key| serde_json::from_value(key).ok())
            .filter_map(|key| public(&key))
            .collect();
        if keys.is_empty() {
            return Err("none of its keys is for RS256, ES256 or EdDSA".to_owned());
        }
        Ok(Self { keys })
    }

    /// The secret `bytes`, for HS256.
    ///
    /// # Errors
    /// When it is too short.
    pub fn secret(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() < SHORTEST_SECRET {
            return Err(format!("the secret is shorter than {SHORTEST_SECRET} bytes"));
        }
        let decoding = DecodingKey::from_secret(bytes);
        Ok(Self { keys: vec![Key { id: None, algorithm: Algorithm::Hs256, decoding }] })
    }

    /// The keys that may have signed a token whose header names this algorithm and key.
    pub fn candidates(&self, algorithm: Algorithm, id: Option<&str>) -> Vec<&Key> {
        let fits = |key: &&Key| {
            key.algorithm == algorithm
                && match (id, key.id.as_deref()) {
                    (Some(wanted), Some(id)) => wanted == id,
                    // A secret has no name; what a token calls it is of no matter.
                    (Some(_), None) => algorithm == Algorithm::Hs256,
                    (None, _) => true,
                }
        };
        self.keys.iter().filter(fits).collect()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

fn public(key: &Jwk) -> Option<Key> {
    let checks = key.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|it| it == "verify"));
    if key.purpose.as_deref().is_some_and(|purpose| purpose != "sig") || !checks {
        return None;
    }
    let length = |text: &Option<String>| {
        text.as_deref().and_then(|it| URL_SAFE_NO_PAD.decode(it).ok()).map(|bytes| bytes.len())
    };
    let (algorithm, decoding) = match (key.kty.as_str(), key.crv.as_deref()) {
        ("RSA", _) if length(&key.n).is_some_and(|length| MODULUS.contains(&length)) => {
            let (n, e) = (key.n.as_deref()?, key.e.as_deref()?);
            (Algorithm::Rs256, DecodingKey::from_rsa_components(n, e).ok()?)
        }
        ("EC", Some("P-256")) if length(&key.x) == Some(POINT) && length(&key.y) == Some(POINT) => {
            let (x, y) = (key.x.as_deref()?, key.y.as_deref()?);
            (Algorithm::Es256, DecodingKey::from_ec_components(x, y).ok()?)
        }
        ("OKP", Some("Ed25519")) if length(&key.x) == Some(POINT) => {
            (Algorithm::EdDsa, DecodingKey::from_ed_components(key.x.as_deref()?).ok()?)
        }
        _ => return None,
    };
    // RFC 9864 names Ed25519 by its own name.
    let named = key.alg.as_deref().is_none_or(|alg| {
        alg == algorithm.as_str() || (algorithm == Algorithm::EdDsa && alg == "Ed25519")
    });
    named.then(|| Key { id: key.kid.clone(), algorithm, decoding })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn of(keys: &Value) -> Result<KeySet, String> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn b64(length: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![0xc5; length])
    }

    #[test]
    fn keys_are_bound_to_their_algorithm() {
        let set = of(&json!([
            { "kty": "RSA", "kid": "r", "n": b64(256), "e": "AQAB" },
            { "kty": "EC", "crv": "P-256", "kid": "e", "x": b64(32), "y": b64(32) },
            { "kty": "OKP", "crv": "Ed25519", "x": b64(32), "use": "sig", "alg": "EdDSA" },
        ]))
        .unwrap();
        let found = |algorithm, id| set.candidates(algorithm, id).len();
        assert_eq!((found(Algorithm::Rs256, Some("r")), found(Algorithm::Rs256, None)), (1, 1));
        assert_eq!(
            (found(Algorithm::Es256, Some("e")), found(Algorithm::Es256, Some("r"))),
            (1, 0)
        );
        assert_eq!(found(Algorithm::EdDsa, Some("x")), 0, "a key without a name has not that one");
        assert_eq!((found(Algorithm::EdDsa, None), found(Algorithm::Hs256, None)), (1, 0));
    }

    #[test]
    fn what_is_for_something_else_is_passed_over() {
        for key in [
            json!({ "kty": "oct", "k": b64(64), "kid": "s" }),
            json!({ "kty": "RSA", "n": b64(128), "e": "AQAB" }),
            json!({ "kty": "RSA", "n": b64(256), "e": "AQAB", "use": "enc" }),
            json!({ "kty": "RSA", "n": b64(256), "e": "AQAB", "alg": "HS256" }),
            json!({ "kty": "RSA", "n": b64(256), "e": "AQAB", "key_ops": ["encrypt"] }),
            json!({ "kty": "EC", "crv": "P-384", "x": b64(48), "y": b64(48) }),
            json!({ "kty": "EC", "crv": "P-256", "x": b64(31), "y": b64(32) }),
            json!({ "kty": "OKP", "crv": "X25519", "x": b64(32) }),
            json!({ "kty": 1 }),
            json!(null),
        ] {
            assert!(of(&json!([key.clone()])).is_err(), "{key}");
        }
        assert!(KeySet::parse(b"{}").is_err());
        assert!(KeySet::secret(&[7; 31]).is_err());
        assert_eq!(
            KeySet::secret(&[7; 32]).unwrap().candidates(Algorithm::Hs256, Some("x")).len(),
            1
        );
    }

    proptest! {
        #[test]
        fn any_document_is_read_or_refused(text in ".{0,80}") {
            let _ = KeySet::parse(text.as_bytes());
            let _ = KeySet::parse(format!("{{\"keys\":[{text}]}}").as_bytes());
        }
    }
}
