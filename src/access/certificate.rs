//! Callers who are known by the certificate that their connection showed.
//!
//! Owns which names of a certificate mean which caller. Does not own reading a certificate, nor whose
//! word it is believed on (`http::tls`).

use super::{Caller, caller::Client};
use crate::{config, name::Identifier};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// The issuer that the claims of a certificate's holder name.
const ISSUER: &str = "urn:howdah:certificates";

/// The names of a certificate that was believed, as the manifest writes them: `dns:client.example.com`,
/// `uri:spiffe://example.com/importer`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// The names of a certificate's subjectAltName, of these kinds (RFC 5280 §4.2.1.6). DNS knows no case.
    pub fn new<'n>(dns: impl Iterator<Item = &'n str>, uri: impl Iterator<Item = &'n str>) -> Self {
        let dns = dns.map(|name| format!("dns:{}", name.to_ascii_lowercase()));
        Self(dns.chain(uri.map(|name| format!("uri:{name}"))).collect())
    }
}

/// The callers that certificates mean, with the name that each is known by.
pub(super) struct Clients(Vec<(String, Arc<Client>)>);

impl Clients {
    pub(super) fn new(clients: &BTreeMap<Identifier, config::Client>) -> Self {
        let client = |(name, settings): (&Identifier, &config::Client)| {
            let claims: Map<String, Value> = [("iss", ISSUER), ("sub", name.as_str())]
                .map(|(claim, value)| (claim.to_owned(), value.into()))
                .into_iter()
                .collect();
            let client = Client {
                name: name.to_string(),
                scopes: settings.scopes.clone(),
                claims: claims.into(),
                role: settings.role.clone(),
            };
            (settings.certificate.clone(), Arc::new(client))
        };
        Self(clients.iter().map(client).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who that is. Of several that a certificate names, it is the first by name.
    pub(super) fn find(&self, names: &Names) -> Option<Caller> {
        let found = self.0.iter().find(|(known, _)| names.0.contains(known));
        found.map(|(_, client)| Caller::Certificate(Arc::clone(client)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    #[test]
    fn a_name_is_known_whole_and_by_its_kind() {
        let client = |certificate: &str| config::Client {
            certificate: certificate.to_owned(),
            scopes: vec!["read".to_owned()],
            role: None,
        };
        let settings = [("a", "dns:client.example"), ("b", "uri:spiffe://example/Importer")];
        let clients = Clients::new(
            &settings
                .map(|(name, certificate)| (Identifier::parse(name).unwrap(), client(certificate)))
                .into(),
        );
        let found = |dns: &[&str], uri: &[&str]| {
            let names = Names::new(dns.iter().copied(), uri.iter().copied());
            clients.find(&names).and_then(|caller| caller.account())
        };
        assert_eq!(found(&["other", "Client.EXAMPLE"], &[]).as_deref(), Some("certificate a"));
        assert_eq!(found(&[], &["spiffe://example/Importer"]).as_deref(), Some("certificate b"));
        for (dns, uri) in [
            ("client.example.org", "spiffe://example/importer"),
            ("x.client.example", "dns:client.example"),
            ("*.example", "client.example"),
            ("", "spiffe://example/Importer/x"),
        ] {
            assert_eq!(found(&[dns], &[uri]), None, "{dns} {uri}");
        }
        assert_eq!(found(&[], &[]), None);
        let caller = clients.find(&Names::new(["client.example"].into_iter(), [].into_iter()));
        let caller = caller.unwrap();
        assert_eq!(caller.scopes(), ["read"]);
        assert_eq!(caller.claims().unwrap().find("sub"), Some(&"a".into()));
    }
}
