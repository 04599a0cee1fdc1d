//! The settings of who is let in, how often, and from where.

mod check;

pub(super) use check::{clients, cors, issuer, rate_limit, settle};

pub use super::list::KeySource;
use super::{
    declare::sections,
    kind::{Choice, File, Integer, Optional, Size, Span, Switch, Text},
    list::{CertificateName, Claim, FieldName, KeysAt, List, MethodName, Net, Origin, Role, Scope},
};
use crate::definition::route::Network;
use std::{marker::PhantomData, path::PathBuf, time::Duration};

/// How an issuer signs (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256: the secret signs and checks.
    Hs256,
}

/// Which header field a trusted proxy writes the caller's address to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedField {
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `Forwarded` (RFC 7239)
    Forwarded,
    /// None.
    None,
}

const ALGORITHM: Choice<Algorithm> = Choice(&[
    ("RS256", Algorithm::Rs256),
    ("ES256", Algorithm::Es256),
    ("EdDSA", Algorithm::EdDsa),
    ("HS256", Algorithm::Hs256),
]);

const FIELD: Choice<ForwardedField> = Choice(&[
    ("x-forwarded-for", ForwardedField::XForwardedFor),
    ("forwarded", ForwardedField::Forwarded),
    ("none", ForwardedField::None),
]);

const LENGTH: Size<usize> = Size(PhantomData);

/// Up to ten minutes: clocks that differ by more are wrong.
const SKEW: Span = Span(Duration::ZERO..=Duration::from_mins(10));

sections! {
    /// Who is let in. As soon as `keys_file` or an issuer is there, a route that does not say
    /// `auth = "public"` wants an authenticated caller; without either, every route is public.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["auth"] Auth |section| {
        /// The file of API keys, which `howdah key new` writes. It is followed: a change counts
        /// within two seconds.
        keys_file: Option<PathBuf> = Optional(File, &[""]) => absent("/run/secrets/keys.toml");
        /// Whether an API key may also come in the header field `X-API-Key`, beside
        /// `Authorization: Bearer`.
        api_key_header: bool = Switch => default("true");
        /// How far the clocks of issuers may differ from ours.
        clock_skew: Duration = SKEW => default("30s");
        /// The longest token that is looked at, in bytes.
        longest: usize = LENGTH => default("8 KiB");
        /// The roles of PostgreSQL that callers may be given; no other is ever set.
        roles: Vec<String> = List(Role) => derived("none", "app_user", Some(Vec::new()));
        /// The role of a caller of a public endpoint who does not say who they are.
        anonymous_role: Option<String> = Optional(Role, &[""]) => absent("app_anonymous");
        /// Whether PostgreSQL is told who asks although no role is set: the setting
        /// `request.jwt.claims`, for row-level security.
        claims: bool = Switch => derived(
            "`true` when `roles` or `anonymous_role` names a role, else `false`",
            "false",
            Some(roles.as_ref().is_some_and(|it| !it.is_empty())
                || anonymous_role.as_ref().is_some_and(Option::is_some))
        );
    }

    /// Somebody whose signed tokens (JWT) are believed. The name is yours.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["auth.issuers.NAME"] Issuer |section| {
        /// The claim `iss` of its tokens, letter by letter.
        issuer: String = Text => required("https://login.example.com/");
        /// The audiences (`aud`) that mean this service; a token names one of them at least.
        audience: Vec<String> = List(Text) => required("rates");
        /// Where its keys are: `discovery` (the issuer is asked, as OIDC has it), the URL of a key
        /// set (JWKS), the path of a file with one, or `secret:` and the path of a file with a
        /// secret for HS256. Files are followed.
        keys: KeySource = KeysAt => default("discovery");
        /// How its tokens may be signed.
        algorithms: Vec<Algorithm> = List(ALGORITHM) => derived(
            "`[\"RS256\", \"ES256\", \"EdDSA\"]`, and `[\"HS256\"]` with a secret",
            "RS256, ES256, EdDSA",
            Some(if matches!(keys, Some(KeySource::Secret(_))) {
                vec![Algorithm::Hs256]
            } else {
                vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]
            })
        );
        /// Claims that a token must have beside `iss`, `aud` and `exp`.
        required_claims: Vec<String> = List(Claim) => default("");
        /// The claim with the caller's scopes: a text with spaces, or a list. A dot leads into an
        /// object: `realm_access.roles`.
        scope_claim: String = Claim => default("scope");
        /// The claim that names the caller's role of PostgreSQL, one of `auth.roles`.
        role_claim: Option<String> = Optional(Claim, &[""]) => absent("role");
        /// The role of a caller whose token names none.
        role: Option<String> = Optional(Role, &[""]) => absent("app_user");
        /// How long its keys are kept when it does not say so itself.
        refresh: Duration = Span::POSITIVE => default("10m");
        /// How long to wait at least before its keys are asked for again, as when a token names a
        /// key that nobody knows.
        pause: Duration = Span::POSITIVE => default("10s");
        /// How long asking may take.
        timeout: Duration = Span::POSITIVE => default("5s");
    }

    /// A caller who is known by the certificate that the connection showed, one that
    /// `tls.client_authority` signed. The name is yours: it is the claim `sub`. A request that brings a key
    /// or a token is that one's.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["auth.clients.NAME"] Client |section| {
        /// The name in the certificate's subjectAltName: `dns:` and a host name, or `uri:` and a URI, letter
        /// by letter.
        certificate: String = CertificateName => required("dns:importer.example.com");
        /// What the caller may do.
        scopes: Vec<String> = List(Scope) => default("");
        /// The caller's role of PostgreSQL, one of `auth.roles`.
        role: Option<String> = Optional(Role, &[""]) => absent("app_user");
    }

    /// How often somebody may ask. The one named `default` counts on every route; a route names
    /// the others with `rate_limit = "name"`.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["rate_limits.NAME"] RateLimit |section| {
        /// How many requests in `per`.
        requests: u32 = Integer(1..=1_000_000) => required("600");
        /// The time for them.
        per: Duration = Span::POSITIVE => default("1m");
        /// How many may come at once.
        burst: u32 = Integer(1..=1_000_000) => derived("the same as `requests`", "600", requests);
        /// Who is counted: `address` (IPv6 by its /64), `caller` (the key or the token's subject;
        /// the address of a caller who is nobody), or `claim:NAME`.
        by: String = Text => default("address");
        /// Whether it counts on every route.
        everywhere: bool = Switch => derived(
            "`true` for the one named `default`, else `false`",
            "true",
            Some(section.name() == "default")
        );
        /// How many callers are remembered at a time.
        remembered: usize = Integer(100..=10_000_000) => default("100000");
    }

    /// Proxies in front whose word on the caller's address is taken.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["proxies"] Proxies |section| {
        /// Where they are. What anybody else says of an address is ignored.
        networks: Vec<Network> = List(Net) => default("");
        /// The header field they write: `x-forwarded-for`, `forwarded` (RFC 7239) or `none`.
        field: ForwardedField = FIELD => default("x-forwarded-for");
        /// Whether their connections begin with the PROXY protocol, version 1 or 2.
        protocol: bool = Switch => default("false");
    }

    /// Pages of other origins that may call the service from a browser.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["cors"] Cors |section| {
        /// The origins, such as `https://app.example.com`; `*` is any, without credentials.
        origins: Vec<String> = List(Origin) => required("https://app.example.com");
        /// The methods they may use.
        methods: Vec<String> = List(MethodName) => default("GET, POST, PUT, PATCH, DELETE");
        /// The header fields they may send.
        headers: Vec<String> = List(FieldName)
            => default("authorization, content-type, x-api-key, x-request-id, idempotency-key");
        /// The header fields of answers that they may read.
        expose: Vec<String> = List(FieldName)
            => default("x-request-id, link, ratelimit, ratelimit-policy, retry-after");
        /// Whether they may send cookies and client certificates.
        credentials: bool = Switch => default("false");
        /// How long a browser may remember the answer to its question.
        max_age: Duration = Span::ANY => default("10m");
    }

    /// Header fields of every answer that keep browsers careful. An empty one is not sent.
    #[derive(Clone, Debug, PartialEq, Eq)]
    ["headers"] Headers |section| {
        /// Whether `X-Content-Type-Options: nosniff` is sent.
        nosniff: bool = Switch => default("true");
        /// `Content-Security-Policy`, of pages alone.
        content_security_policy: Option<String> = Optional(Text, &[""])
            => default("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
        /// `Referrer-Policy`, of pages alone.
        referrer_policy: Option<String> = Optional(Text, &[""]) => default("no-referrer");
        /// `Cross-Origin-Resource-Policy`.
        cross_origin_resource_policy: Option<String> = Optional(Text, &[""]) => default("same-origin");
        /// `Strict-Transport-Security`, for a service that is reached by TLS alone; `auto` sends
        /// `max-age=63072000` when the service speaks TLS itself.
        strict_transport_security: Option<String> = Optional(Text, &[""]) => default("auto");
        /// Whether answers to callers who signed in say `Cache-Control: no-store`.
        no_store: bool = Switch => default("true");
    }
}

impl Algorithm {
    /// The algorithm as a token's header names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }
}
