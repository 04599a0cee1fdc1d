//! Kinds of value that come in lists, and those that only protection knows.

use super::kind::{Kind, Text};
use crate::definition::{guard, route::Network};
use std::path::PathBuf;

/// A list of values. A file writes an array; flag, environment and default write the values with
/// commas or spaces between.
pub(super) struct List<K>(pub(super) K);

/// A network, or an address, which is a network of one.
pub(super) struct Net;

/// An origin of a browser's page (RFC 6454 §6.2), or `*`.
pub(super) struct Origin;

/// A method's name.
pub(super) struct MethodName;

/// A header field's name, in lower case.
pub(super) struct FieldName;

/// A claim, with dots that lead into objects.
pub(super) struct Claim;

/// A role of PostgreSQL.
pub(super) struct Role;

/// A scope (RFC 6749 §3.3).
pub(super) struct Scope;

/// A name of a certificate, with its kind before it.
pub(super) struct CertificateName;

/// Where an issuer's keys are.
pub(super) struct KeysAt;

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The issuer says: `OpenID` Connect Discovery 1.0 §4.
    Discovery,
    /// A key set at this URL.
    Url(String),
    /// A key set in this file.
    File(PathBuf),
    /// A secret in this file.
    Secret(PathBuf),
}

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;
    fn label(&self) -> String {
        format!("list of {}", self.0.label())
    }
    fn wanted(&self) -> String {
        format!("a list, each of it {}", self.0.wanted())
    }
    fn parse(&self, text: &str) -> Result<Self::Value, String> {
        text.split(|it: char| it == ',' || it.is_whitespace())
            .filter(|item| !item.is_empty())
            .map(|item| {
                self.0.parse(item).map_err(|why| {
                    let item = super::kind::shown(item);
                    let why = if why.is_empty() { self.0.wanted() } else { why };
                    format!("`{item}`: {why}")
                })
            })
            .collect()
    }
    fn is_list(&self) -> bool {
        true
    }
}

impl Kind for Net {
    type Value = Network;
    fn label(&self) -> String {
        "network".into()
    }
    fn wanted(&self) -> String {
        "a network such as `10.0.0.0/8`, or an address".into()
    }
    fn parse(&self, text: &str) -> Result<Network, String> {
        super::route::network(text)
    }
}

impl Kind for Origin {
    type Value = String;
    fn label(&self) -> String {
        "origin".into()
    }
    fn wanted(&self) -> String {
        "an origin such as `https://app.example.com`, or `*`".into()
    }
    fn parse(&self, text: &str) -> Result<String, String> {
        if text == "*" {
            return Ok(text.to_owned());
        }
        let uri: http::Uri = text.parse().map_err(|_| String::new())?;
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        if !matches!(scheme, "http" | "https") || authority.is_empty() || authority.contains('@') {
            return Err(String::new());
        }
        let origin = format!("{scheme}://{authority}");
        if origin == text {
            return Ok(origin);
        }
        Err(format!("a browser would send `{origin}`"))
    }
}

impl Kind for MethodName {
    type Value = String;
    fn label(&self) -> String {
        "method".into()
    }
    fn wanted(&self) -> String {
        "a method such as `GET`".into()
    }
    fn parse(&self, text: &str) -> Result<String, String> {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
        if known.contains(&text) { Ok(text.to_owned()) } else { Err(String::new()) }
    }
}

impl Kind for FieldName {
    type Value = String;
    fn label(&self) -> String {
        "header field".into()
    }
    fn wanted(&self) -> String {
        "the name of a header field".into()
    }
    fn parse(&self, text: &str) -> Result<String, String> {
        let name: http::HeaderName = text.parse().map_err(|_| String::new())?;
        Ok(name.as_str().to_owned())
    }
}

impl Kind for Claim {
    type Value = String;
    fn label(&self) -> String {
        "claim".into()
    }
    fn wanted(&self) -> String {
        "the name of a claim".into()
    }
    fn parse(&self, text: &str) -> Result<String, String> {
        Text.parse(text)
    }
}

impl Kind for Role {
    type Value = String;
    fn label(&self) -> String {
        "role".into()
    }
    fn wanted(&self) -> String {
        "the name of a role of PostgreSQL".into()
    }
    fn parse(&self, text: &str) -> Result<String, String> {
        let role = Text.parse(text)?;
        if role.len() > crate::name::MAX_IDENTIFIER_BYTES {
            return Err("it is longer than 63 bytes".into());
        }
        // `SET ROLE none` would give the service's own rights back.
        if role.eq_ignore_ascii_case("none") {
            return Err("to PostgreSQL it means no role at all".into());
        }
        Ok(role)
    }
}

impl Kind for Scope {
    type Value = String;
    fn label(&self) -> String {
        "scope".into()
    }
    fn wanted(&self) -> String {
        "a scope such as `prices:write`".into()
    }
    fn parse(&self, text: &str) -> Result<String, String> {
        if guard::is_scope(text) { Ok(text.to_owned()) } else { Err(String::new()) }
    }
}

impl Kind for CertificateName {
    type Value = String;
    fn label(&self) -> String {
        "`dns:` and a host name, or `uri:` and a URI".into()
    }
    fn wanted(&self) -> String {
        "a name such as `dns:importer.example.com` or `uri:spiffe://example.com/importer`".into()
    }
    fn parse(&self, text: &str) -> Result<String, String> {
        let good = |name: &str| name.bytes().all(|byte| byte.is_ascii_graphic());
        match text.split_once(':') {
            Some(("dns", name)) if super::address::is_host_name(name) => {
                Ok(format!("dns:{}", name.to_ascii_lowercase()))
            }
            Some(("uri", name)) if good(name) && name.contains(':') => Ok(text.to_owned()),
            Some(("cn" | "CN", _)) => {
                Err("a common name does not count: certificates name who they are for in \
                     subjectAltName"
                    .into())
            }
            _ => Err(String::new()),
        }
    }
}

impl Kind for KeysAt {
    type Value = KeySource;
    fn label(&self) -> String {
        "`discovery`, URL, path, or `secret:` and path".into()
    }
    fn wanted(&self) -> String {
        "`discovery`, the URL or path of a key set, or `secret:` and a path".into()
    }
    fn parse(&self, text: &str) -> Result<KeySource, String> {
        if text == "discovery" {
            return Ok(KeySource::Discovery);
        }
        if let Some(path) = text.strip_prefix("secret:") {
            return Text.parse(path).map(|path| KeySource::Secret(path.into()));
        }
        if text.contains("://") {
            return safe_url(text).map(|()| KeySource::Url(text.to_owned()));
        }
        Text.parse(text).map(|path| KeySource::File(path.into()))
    }
}

/// Whether keys may be asked for at `url`: by `https`, or of this machine itself.
///
/// # Errors
/// Why not.
pub fn safe_url(url: &str) -> Result<(), String> {
    let uri: http::Uri = url.parse().map_err(|_| "it is no URL".to_owned())?;
    let authority = uri.authority().ok_or("it names no host")?;
    if authority.as_str().contains('@') {
        return Err("it has a user name in it".into());
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_own = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_own => Ok(()),
        Some("http") => Err("what comes without TLS may be anybody's; write `https`".into()),
        _ => Err("it is neither `https` nor `http`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut_at_commas_and_spaces() {
        assert_eq!(
            List(Text).parse("a, b c,,d"),
            Ok(vec!["a".into(), "b".into(), "c".into(), "d".into()])
        );
        assert_eq!(List(Text).parse(" "), Ok(Vec::new()));
        assert!(List(Net).parse("10.0.0.0/8, 10.0.0.1/8").unwrap_err().contains("10.0.0.1/8"));
    }

    #[test]
    fn origins_are_what_browsers_send() {
        for good in ["*", "https://a.example", "http://localhost:3000"] {
            assert_eq!(Origin.parse(good).as_deref(), Ok(good));
        }
        for bad in ["a.example", "https://a.example/", "https://u@a.example", "ftp://a", "null"] {
            assert!(Origin.parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for good in ["https://a.example/jwks", "http://127.0.0.1:8080/x", "http://[::1]/x"] {
            assert_eq!(KeysAt.parse(good), Ok(KeySource::Url(good.into())), "{good}");
        }
        for bad in
            ["http://a.example/jwks", "ftp://a/x", "https://u:p@a/x", "http://127.0.0.1.evil/x"]
        {
            assert!(KeysAt.parse(bad).is_err(), "{bad}");
        }
        assert_eq!(KeysAt.parse("secret:/run/s"), Ok(KeySource::Secret("/run/s".into())));
        assert_eq!(KeysAt.parse("/etc/jwks.json"), Ok(KeySource::File("/etc/jwks.json".into())));
        assert!(Role.parse("NONE").is_err());
    }
}
