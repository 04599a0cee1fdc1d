//! Who may call an operation, and how often.

use crate::{
    config::KeySource,
    problem::Code,
    service::{Action, Entry, Service},
};
use serde_json::{Map, Value, json};

/// The name of the scheme of tokens and of keys that come as tokens do.
const BEARER: &str = "bearer";
/// The name of the scheme of keys in a header field of their own.
const API_KEY: &str = "apiKey";
/// The name of the scheme of certificates.
const CERTIFICATE: &str = "mutualTLS";

/// The Security Scheme Objects: none when nobody can sign in.
pub(super) fn schemes(service: &Service) -> Option<Value> {
    let authority = &service.authority;
    let mut schemes = Map::new();
    let (tokens, keys) = (authority.takes_tokens(), authority.takes_keys());
    if tokens || keys {
        let description = match (tokens, keys) {
            (true, true) => "A token (JWT), or an API key.",
            (true, false) => "A token (JWT).",
            _ => "An API key.",
        };
        let mut scheme = json!({ "type": "http", "scheme": "bearer", "description": description });
        if tokens {
            scheme["bearerFormat"] = "JWT".into();
        }
        schemes.insert(BEARER.to_owned(), scheme);
    }
    if keys && authority.settings().api_key_header {
        let scheme = json!({ "type": "apiKey", "in": "header", "name": "X-API-Key" });
        schemes.insert(API_KEY.to_owned(), scheme);
    }
    if authority.takes_certificates() {
        let description = "The certificate that the connection shows.";
        let scheme = json!({ "type": "mutualTLS", "description": description });
        schemes.insert(CERTIFICATE.to_owned(), scheme);
    }
    for issuer in authority.issuers() {
        if issuer.settings.keys == KeySource::Discovery {
            let base = issuer.settings.issuer.trim_end_matches('/');
            let scheme = json!({
                "type": "openIdConnect",
                "openIdConnectUrl": format!("{base}/.well-known/openid-configuration"),
            });
            schemes.insert(format!("oidc_{}", issuer.name), scheme);
        }
    }
    (!schemes.is_empty()).then(|| schemes.into())
}

/// The Security Requirement Objects of a route: any one of them is enough.
pub(super) fn requirements(service: &Service, entry: &Entry) -> Option<Value> {
    let Some(Value::Object(schemes)) = schemes(service) else { return None };
    if entry.policy.is_public() && !looks(service, entry) {
        return Some(json!([]));
    }
    let scopes = entry.policy.scopes();
    let mut ways: Vec<Value> =
        schemes.keys().map(|name| json!({ name.as_str(): scopes })).collect();
    if entry.policy.is_public() {
        // Nobody in particular is welcome, too.
        ways.insert(0, json!({}));
    }
    Some(ways.into())
}

/// Whether the route looks at what a request brings to prove who sends it.
fn looks(service: &Service, entry: &Entry) -> bool {
    let runs_sql =
        matches!(entry.action, Action::Endpoint(_) | Action::Bulk(_) | Action::Pending(_));
    service.authority.is_configured() && (!entry.policy.is_public() || runs_sql)
}

/// The problems that stand between a route and its answer.
pub(super) fn codes(service: &Service, entry: &Entry, codes: &mut Vec<Code>) {
    if !entry.limiters.is_empty() {
        codes.push(Code::RateLimited);
    }
    if !looks(service, entry) {
        return;
    }
    codes.extend([Code::SeveralCredentials, Code::InvalidCredential]);
    if !entry.policy.is_public() {
        codes.push(Code::Unauthenticated);
    }
    if !entry.policy.scopes().is_empty() {
        codes.push(Code::InsufficientScope);
    }
    if service.authority.takes_tokens() {
        codes.push(Code::IssuerUnavailable);
        if !service.authority.settings().roles.is_empty() {
            codes.push(Code::Forbidden);
        }
    }
}

/// Adds the header fields of a route's answers that have to do with who asks, and how often.
pub(super) fn fields(entry: &Entry, responses: &mut Map<String, Value>) {
    for (status, response) in responses {
        let mut add = |name: &str, component: &str| {
            let reference = format!("#/components/headers/{component}");
            response["headers"][name] = json!({ "$ref": reference });
        };
        if status == "401" {
            add("WWW-Authenticate", "Challenge");
        }
        if status == "429" {
            add("Retry-After", "RetryAfter");
        }
        if !entry.limiters.is_empty() {
            add("RateLimit", "RateLimit");
            add("RateLimit-Policy", "RateLimitPolicy");
        }
    }
}

/// The header fields that responses refer to here; those that no route has are left out.
pub(super) fn headers<'e>(
    service: &Service,
    entries: impl Iterator<Item = &'e Entry>,
) -> Map<String, Value> {
    let mut headers = Map::new();
    let string =
        |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    if service.authority.is_configured() {
        headers.insert("Challenge".to_owned(), string("How to sign in (RFC 9110 §11.6.1)."));
    }
    if entries.into_iter().any(|entry| !entry.limiters.is_empty()) {
        let state =
            "How many requests are left, and for how long (draft-ietf-httpapi-ratelimit-headers).";
        headers.insert("RateLimit".to_owned(), string(state));
        headers.insert(
            "RateLimitPolicy".to_owned(),
            string("How many requests are allowed in what time."),
        );
    }
    headers
}
