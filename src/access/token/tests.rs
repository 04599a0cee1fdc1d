//! Tokens that are right, and every way to be wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it is wrong")]

use super::Refusal;
use crate::{
    access::{Authority, Caller, Credential, Memory, Token, Verdict, keyset::KeySet},
    config,
    diagnostic::SourceFile,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::SystemTime};

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

const MANIFEST: &str = r#"
[service]
name = "a"
[auth]
roles = ["app_user", "app_admin"]
clock_skew = "10s"
[auth.issuers.main]
issuer = "https://issuer.example/"
audience = ["rates", "prices"]
required_claims = ["tenant"]
role_claim = "role"
role = "app_user"
scope_claim = "access.scopes"
[auth.issuers.other]
issuer = "other"
audience = ["rates"]
keys = "secret:/nowhere"
"#;

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The keys of the issuer `main`.
struct Keys {
    elliptic: EcdsaKeyPair,
    edwards: Ed25519KeyPair,
}

impl Keys {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let elliptic = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let edwards = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Self {
            elliptic: EcdsaKeyPair::from_pkcs8(algorithm, elliptic.as_ref(), &random).unwrap(),
            edwards: Ed25519KeyPair::from_pkcs8(edwards.as_ref()).unwrap(),
        }
    }

    fn set(&self) -> KeySet {
        let point = self.elliptic.public_key().as_ref();
        let set = json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "kid": "one", "x": b64(&point[1..33]), "y": b64(&point[33..]) },
            { "kty": "OKP", "crv": "Ed25519", "kid": "two", "x": b64(self.edwards.public_key()) },
        ] });
        KeySet::parse(set.to_string().as_bytes()).unwrap()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let bytes = message.as_bytes();
        let signature = match header["alg"].as_str().unwrap_or_default() {
            "ES256" => self.elliptic.sign(&SystemRandom::new(), bytes).unwrap().as_ref().to_vec(),
            "EdDSA" => self.edwards.sign(bytes).as_ref().to_vec(),
            "HS256" => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), bytes).as_ref().to_vec()
            }
            _ => Vec::new(),
        };
        format!("{message}.{}", b64(signature))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn claims() -> Value {
    json!({
        "iss": "https://issuer.example/", "aud": ["x", "rates"], "sub": "42", "exp": now() + 60,
        "nbf": now(), "iat": now(), "tenant": "acme", "access": { "scopes": ["a", "b"] },
    })
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn authority(keys: &Keys) -> Arc<Authority> {
    let source = SourceFile::new("howdah.toml", MANIFEST);
    let read = config::read(&source, &|_| None, &[]);
    let (config, _) = read.unwrap_or_else(|found| panic!("{}", found.render(false)));
    let authority = Authority::of(&config);
    authority.issuers()[0].ends(Some(keys.set()));
    authority.issuers()[1].ends(Some(KeySet::secret(SECRET).unwrap()));
    authority
}

fn judge(authority: &Authority, token: &str) -> Result<Arc<Token>, String> {
    match authority.judge(Credential::Token(token), SystemTime::now()) {
        Verdict::Known(Caller::Token(token)) => Ok(token),
        other => Err(format!("{other:?}")),
    }
}

fn es256() -> Value {
    json!({ "alg": "ES256", "kid": "one" })
}

#[test]
fn a_token_that_is_right_says_who_asks() {
    let keys = Keys::new();
    let authority = authority(&keys);
    for header in [
        es256(),
        json!({ "alg": "ES256" }),
        json!({ "alg": "EdDSA", "kid": "two", "typ": "JWT" }),
        json!({ "alg": "EdDSA", "typ": "at+jwt" }),
    ] {
        let token = judge(&authority, &keys.sign(&header, &claims())).unwrap();
        assert_eq!(token.issuer, "https://issuer.example/");
        assert_eq!(
            (token.subject.as_deref(), token.role.as_deref()),
            (Some("42"), Some("app_user"))
        );
        assert_eq!(token.scopes, ["a", "b"]);
        assert_eq!(token.claims.find("tenant"), Some(&"acme".into()));
    }
    let token = judge(&authority, &keys.sign(&es256(), &with("role", "app_admin"))).unwrap();
    assert_eq!(token.role.as_deref(), Some("app_admin"));
    let other = json!({ "iss": "other", "aud": "rates", "exp": now() + 60, "scope": "c d" });
    let token =
        judge(&authority, &keys.sign(&json!({ "alg": "HS256", "kid": "any" }), &other)).unwrap();
    assert_eq!(
        (token.scopes.len(), token.subject.as_deref(), token.role.as_deref()),
        (2, None, None)
    );
}

#[test]
fn claims_that_are_wrong_are_refused() {
    let keys = Keys::new();
    let authority = authority(&keys);
    let invalid = format!("{:?}", Verdict::Refused(Refusal::Invalid));
    let expired = format!("{:?}", Verdict::Refused(Refusal::Expired));
    for (what, claims, verdict) in [
        ("expired", with("exp", now() - 11), &expired),
        ("no exp", without("exp"), &invalid),
        ("exp as text", with("exp", "9999999999"), &invalid),
        ("negative exp", with("exp", -5), &invalid),
        ("not yet", with("nbf", now() + 12), &invalid),
        ("nbf as text", with("nbf", "1"), &invalid),
        ("issued later", with("iat", now() + 12), &invalid),
        ("iat as text", with("iat", "1"), &invalid),
        ("no aud", without("aud"), &invalid),
        ("another aud", with("aud", "rate"), &invalid),
        ("other auds", with("aud", json!(["x", "y"])), &invalid),
        ("empty auds", with("aud", json!([])), &invalid),
        ("no iss", without("iss"), &invalid),
        ("another iss", with("iss", "https://issuer.example"), &invalid),
        ("iss as list", with("iss", json!(["https://issuer.example/"])), &invalid),
        ("sub as number", with("sub", 42), &invalid),
        ("no tenant", without("tenant"), &invalid),
        ("null tenant", with("tenant", Value::Null), &invalid),
    ] {
        let told = judge(&authority, &keys.sign(&es256(), &claims)).map(drop).unwrap_err();
        assert_eq!(&told, verdict, "{what}");
    }
    for fine in
        [with("exp", now() - 5), with("nbf", now() + 5), with("iat", now() + 5), with("exp", 4.1e9)]
    {
        judge(&authority, &keys.sign(&es256(), &fine)).expect("within the tolerance");
    }
    for role in [json!("postgres"), json!("none"), json!(1), json!(["app_user"])] {
        let told = judge(&authority, &keys.sign(&es256(), &with("role", role))).unwrap_err();
        assert_eq!(told, "RoleDenied");
    }
}

#[test]
fn headers_that_are_wrong_are_refused() {
    let keys = Keys::new();
    let authority = authority(&keys);
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "NONE" }),
        json!({ "alg": "HS256", "kid": "one" }),
        json!({ "alg": "RS256", "kid": "one" }),
        json!({ "alg": "ES384", "kid": "one" }),
        json!({ "alg": "PS256" }),
        json!({ "alg": "ES256", "kid": "one", "crit": ["exp"] }),
        json!({ "alg": "ES256", "kid": "one", "typ": "logout+jwt" }),
        json!({ "alg": "ES256", "kid": 1 }),
        json!({ "kid": "one" }),
        json!([]),
    ] {
        let told = judge(&authority, &keys.sign(&header, &claims()));
        assert!(told.is_err(), "{header}");
    }
    let told = judge(&authority, &keys.sign(&json!({ "alg": "ES256", "kid": "new" }), &claims()));
    assert_eq!(told.unwrap_err(), "KeyUnknown(0)");
}

#[test]
fn nobody_forges_a_signature() {
    let keys = Keys::new();
    let authority = authority(&keys);
    let good = keys.sign(&es256(), &claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, body) = message.split_once('.').unwrap();
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap();
    flipped[10] ^= 1;
    let admin = b64(with("role", "app_admin").to_string());
    let strangers = Keys::new().sign(&es256(), &claims());
    // The public key as the secret of an HMAC, in each spelling that a library might take it in.
    let set = keys.elliptic.public_key();
    let confused = |secret: &[u8]| {
        let message =
            format!("{}.{body}", b64(json!({ "alg": "HS256", "kid": "one" }).to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        format!("{message}.{}", b64(hmac::sign(&key, message.as_bytes())))
    };
    for forged in [
        format!("{message}.{}", b64(&flipped)),
        format!("{message}."),
        format!("{message}.{}", b64([0; 64])),
        format!("{header}.{admin}.{signature}"),
        format!("{}.{body}.", b64(r#"{"alg":"none"}"#)),
        strangers,
        confused(set.as_ref()),
        confused(&set.as_ref()[1..33]),
        confused(b64(&set.as_ref()[1..33]).as_bytes()),
        // An issuer's secret is that issuer's alone.
        keys.sign(&json!({ "alg": "HS256" }), &claims()),
        keys.sign(&es256(), &with("iss", "other")),
    ] {
        assert!(judge(&authority, &forged).is_err(), "{forged}");
    }
    for malformed in ["", ".", "..", "a.b.c", "a.b", &good.replace('.', ","), &format!("{good}.x")]
    {
        assert!(judge(&authority, malformed).is_err(), "{malformed}");
    }
}

#[test]
fn a_memory_forgets_with_the_keys_and_the_end() {
    let keys = Keys::new();
    let authority = authority(&keys);
    let token = keys.sign(&es256(), &claims());
    let mut memory = Memory::default();
    let mut known = |at: SystemTime| {
        matches!(memory.judge(&authority, Credential::Token(&token), at), Verdict::Known(_))
    };
    assert!(known(SystemTime::now()) && known(SystemTime::now()));
    authority.issuers()[0].ends(Some(Keys::new().set()));
    assert!(!known(SystemTime::now()), "its key is gone");
    authority.issuers()[0].ends(Some(keys.set()));
    assert!(known(SystemTime::now()));
}

/// RFC 7515, appendix A.2: a token that is signed with RS256, and its key.
#[test]
fn rs256_is_checked_as_the_standard_has_it() {
    super::super::signature::install();
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-\
             yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-\
             KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h\
             9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    let message = b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9\
                     uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383Lc\
                     OLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB\
                     p0igcN_IoypGlUPQGe77Rw";
    let key = DecodingKey::from_rsa_components(n, "AQAB").unwrap();
    let check = |signature: &str, message: &[u8]| {
        jsonwebtoken::crypto::verify(signature, message, &key, Algorithm::RS256).unwrap()
    };
    assert!(check(signature, message));
    assert!(!check(signature, &message[1..]));
    let set = json!({ "keys": [{ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256" }] });
    assert_eq!(KeySet::parse(set.to_string().as_bytes()).unwrap().len(), 1);
}
