//! Whether a token (JWT, RFC 7519) is what it says: signature, issuer, audience, times, claims.
//!
//! Follows RFC 8725: the algorithm is the key's and not the token's, the issuer is known before its
//! keys are used, the audience is this service, and a token of another kind is refused.

use super::{
    Claims, Issuer, Keys, Token,
    keyset::{Key, KeySet},
};
use crate::config::Algorithm;
use jsonwebtoken::{Header, Validation, errors::ErrorKind};
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many keys are tried for a token that names none.
const MOST_TRIED: usize = 4;
/// The kinds of token that say who somebody is (RFC 7519 §5.1, RFC 9068 §2.1).
const KINDS: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

/// Why a credential is refused, as far as the caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not written as one.
    Malformed,
    /// It was valid once.
    Expired,
    /// Anything else.
    Invalid,
}

/// What becomes of a token.
#[derive(Debug)]
pub(super) enum Judged {
    /// It is believed.
    Believed(Token),
    /// It is not.
    Refused(Refusal),
    /// It is right, and the role that it names is not one that callers may have.
    RoleDenied,
    /// It names a key that is not known, of the issuer of this number.
    KeyUnknown(usize),
    /// The issuer of this number has told no keys yet.
    KeysAwaited(usize),
}

/// What every token is held to.
pub(super) struct Rules<'r> {
    pub(super) issuers: &'r [Issuer],
    pub(super) roles: &'r [String],
    pub(super) skew: Duration,
    pub(super) now: SystemTime,
}

/// Judges `text`, which is no longer than tokens may be.
pub(super) fn judge(text: &str, rules: &Rules<'_>) -> Judged {
    let Ok(header) = jsonwebtoken::decode_header(text) else {
        return Judged::Refused(Refusal::Malformed);
    };
    let Some(algorithm) = algorithm(&header) else { return Judged::Refused(Refusal::Invalid) };
    // Read to know whose keys to ask; nothing is believed yet.
    let Ok(unproved) = jsonwebtoken::dangerous::insecure_decode::<Map<String, Value>>(text) else {
        return Judged::Refused(Refusal::Malformed);
    };
    let named = unproved.claims.get("iss").and_then(Value::as_str);
    let known = rules.issuers.iter().position(|it| Some(it.settings.issuer.as_str()) == named);
    let Some(number) = known else { return Judged::Refused(Refusal::Invalid) };
    let issuer = &rules.issuers[number];
    if !issuer.settings.algorithms.contains(&algorithm) {
        return Judged::Refused(Refusal::Invalid);
    }
    let Keys::Known(keys) = issuer.keys() else { return Judged::KeysAwaited(number) };
    match verified(text, &keys, algorithm, header.kid.as_deref(), issuer, rules) {
        None => Judged::KeyUnknown(number),
        Some(Err(refusal)) => Judged::Refused(refusal),
        Some(Ok(claims)) => admit(claims, issuer, rules),
    }
}

/// The algorithm of a token whose header asks for nothing that is not done here.
fn algorithm(header: &Header) -> Option<Algorithm> {
    let kind = header.typ.as_deref().map(str::to_ascii_lowercase);
    if kind.is_some_and(|kind| !KINDS.contains(&kind.as_str())) || header.crit.is_some() {
        return None;
    }
    match header.alg {
        jsonwebtoken::Algorithm::RS256 => Some(Algorithm::Rs256),
        jsonwebtoken::Algorithm::ES256 => Some(Algorithm::Es256),
        jsonwebtoken::Algorithm::EdDSA => Some(Algorithm::EdDsa),
        jsonwebtoken::Algorithm::HS256 => Some(Algorithm::Hs256),
        _ => None,
    }
}

/// The token's claims when a key of the issuer signed it; nothing when no key may have.
fn verified(
    text: &str,
    keys: &KeySet,
    algorithm: Algorithm,
    id: Option<&str>,
    issuer: &Issuer,
    rules: &Rules<'_>,
) -> Option<Result<Map<String, Value>, Refusal>> {
    let candidates = keys.candidates(algorithm, id);
    if candidates.is_empty() {
        return None;
    }
    let mut refusal = Refusal::Invalid;
    for key in candidates.into_iter().take(MOST_TRIED) {
        match decode(text, key, issuer, rules) {
            Ok(claims) => return Some(Ok(claims)),
            Err(ErrorKind::InvalidSignature) => {}
            Err(ErrorKind::ExpiredSignature) => refusal = Refusal::Expired,
            Err(_) => refusal = Refusal::Invalid,
        }
    }
    Some(Err(refusal))
}

fn decode(
    text: &str,
    key: &Key,
    issuer: &Issuer,
    rules: &Rules<'_>,
) -> Result<Map<String, Value>, ErrorKind> {
    let mut validation = Validation::new(match key.algorithm {
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
    });
    validation.leeway = rules.skew.as_secs();
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&[&issuer.settings.issuer]);
    validation.set_audience(&issuer.settings.audience);
    let decoded = jsonwebtoken::decode::<Map<String, Value>>(text, &key.decoding, &validation);
    decoded.map(|token| token.claims).map_err(jsonwebtoken::errors::Error::into_kind)
}

/// What the library does not look at, and what the claims make of the caller.
fn admit(claims: Map<String, Value>, issuer: &Issuer, rules: &Rules<'_>) -> Judged {
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64);
    let now = rules.now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let skew = rules.skew.as_secs_f64();
    let issued_later = match claims.get("iat") {
        None => false,
        Some(_) => seconds("iat").is_none_or(|at| at > now + skew),
    };
    // Its type was checked with the signature; a year past any clock is as good as for ever.
    let expires = seconds("exp").unwrap_or_default() + skew;
    let expires =
        Duration::try_from_secs_f64(expires).ok().and_then(|it| UNIX_EPOCH.checked_add(it));
    let Some(expires) = expires.or_else(|| rules.now.checked_add(Duration::from_hours(24 * 365)))
    else {
        return Judged::Refused(Refusal::Invalid);
    };
    let subject = match claims.get("sub") {
        None | Some(Value::Null) => None,
        Some(Value::String(subject)) => Some(subject.clone()),
        Some(_) => return Judged::Refused(Refusal::Invalid),
    };
    let claims = Claims::from(claims);
    let settings = &issuer.settings;
    let lacks = settings.required_claims.iter().any(|name| claims.find(name).is_none());
    if issued_later || lacks {
        return Judged::Refused(Refusal::Invalid);
    }
    let named = settings.role_claim.as_deref().and_then(|name| claims.find(name));
    let role = match named {
        None => settings.role.clone(),
        Some(Value::String(role)) if rules.roles.contains(role) => Some(role.clone()),
        Some(_) => return Judged::RoleDenied,
    };
    Judged::Believed(Token {
        issuer: settings.issuer.clone(),
        subject,
        scopes: scopes(claims.find(&settings.scope_claim)),
        expires,
        claims,
        role,
    })
}

/// The scopes of a claim: a text with spaces (RFC 8693 §4.2), or a list of texts.
fn scopes(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::String(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(items)) => {
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
