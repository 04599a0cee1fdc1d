//! What settings of protection must be together.

use super::{Algorithm, Auth, Client, Cors, Issuer, KeySource, RateLimit};
use crate::{
    config::{list, section::Section},
    diagnostic::{Code, Diagnostic},
    name::Identifier,
};
use std::collections::BTreeMap;

/// Algorithms that fit the keys, an audience, and a URL where there must be one.
pub(in crate::config) fn issuer(section: &Section<'_, '_, '_>, issuer: &Issuer) {
    let secret = matches!(issuer.keys, KeySource::Secret(_));
    let symmetric = |algorithm: &Algorithm| *algorithm == Algorithm::Hs256;
    if issuer.algorithms.is_empty() || issuer.algorithms.iter().any(|it| symmetric(it) != secret) {
        let (message, help) = if secret {
            ("a secret is for `HS256` alone", "leave `algorithms` out")
        } else {
            (
                "a public key is for `RS256`, `ES256` and `EdDSA`, never for `HS256`",
                "for HS256, name the secret's file: `keys = \"secret:/path\"`",
            )
        };
        section.report("algorithms", Diagnostic::error(Code::Conflict, message).help(help));
    }
    if issuer.audience.is_empty() {
        section.report(
            "audience",
            Diagnostic::error(Code::InvalidValue, "`audience` names nobody")
                .note("a token that was made for another service would be believed here")
                .help("write what the issuer calls this service"),
        );
    }
    if issuer.keys == KeySource::Discovery
        && let Err(why) = list::safe_url(&issuer.issuer)
    {
        let message = format!("`issuer` cannot be asked for its keys: {why}");
        section.report(
            "issuer",
            Diagnostic::error(Code::InvalidValue, message)
                .help("write its URL, or say with `keys` where its keys are"),
        );
    }
}

/// Roles that are given are allowed, and issuers are told apart.
pub(in crate::config) fn settle(
    section: &Section<'_, '_, '_>,
    auth: &Auth,
    issuers: &BTreeMap<Identifier, Issuer>,
) {
    for (name, issuer) in issuers {
        if let Some(role) = &issuer.role
            && !auth.roles.contains(role)
        {
            let message = format!(
                "issuer `{name}` gives the role `{role}`, which `auth.roles` does not name"
            );
            section.report(
                "roles",
                Diagnostic::error(Code::Conflict, message).help("add it to `roles`"),
            );
        }
        if issuer.role_claim.is_some() && auth.roles.is_empty() {
            let message =
                format!("issuer `{name}` has a `role_claim`, and `auth.roles` names no role");
            section.report(
                "roles",
                Diagnostic::error(Code::Conflict, message)
                    .help("name the roles that callers may have in `roles`"),
            );
        }
        let twin = issuers.iter().find(|(other, it)| *other < name && it.issuer == issuer.issuer);
        if let Some((twin, _)) = twin {
            let message =
                format!("the issuers `{twin}` and `{name}` are the same, `{}`", issuer.issuer);
            section.report(
                "issuers",
                Diagnostic::error(Code::Conflict, message).help("keep one of them"),
            );
        }
    }
}

/// Clients are told apart, their roles are allowed, and their certificates are asked for.
pub(in crate::config) fn clients(
    section: &Section<'_, '_, '_>,
    auth: &Auth,
    clients: &BTreeMap<Identifier, Client>,
    asks_for_certificates: bool,
) {
    if !clients.is_empty() && !asks_for_certificates {
        section.report(
            "clients",
            Diagnostic::error(
                Code::Conflict,
                "there are `auth.clients`, and nobody is asked for a certificate",
            )
            .help("name who signs them as `client_authority` in `[tls]`"),
        );
    }
    for (name, client) in clients {
        if let Some(role) = client.role.as_ref().filter(|role| !auth.roles.contains(role)) {
            let message =
                format!("client `{name}` has the role `{role}`, which `auth.roles` does not name");
            section.report(
                "roles",
                Diagnostic::error(Code::Conflict, message).help("add it to `roles`"),
            );
        }
        let twin = clients
            .iter()
            .find(|(other, it)| *other < name && it.certificate == client.certificate);
        if let Some((twin, _)) = twin {
            let message = format!(
                "the clients `{twin}` and `{name}` have the same certificate, `{}`",
                client.certificate
            );
            section.report(
                "clients",
                Diagnostic::error(Code::Conflict, message).help("keep one of them"),
            );
        }
    }
}

/// The key that is counted is one.
pub(in crate::config) fn rate_limit(section: &Section<'_, '_, '_>, limit: &RateLimit) {
    let claim = limit.by.strip_prefix("claim:").is_some_and(|claim| !claim.is_empty());
    if !claim && !matches!(limit.by.as_str(), "address" | "caller") {
        let message = format!(
            "`by` takes `address`, `caller` or `claim:NAME`, not `{}`",
            super::super::kind::shown(&limit.by)
        );
        section.report("by", Diagnostic::error(Code::InvalidValue, message));
    }
    if limit.per.as_secs() == 0 {
        section.report(
            "per",
            Diagnostic::error(Code::InvalidValue, "`per` is shorter than a second")
                .help("callers are told of it in whole seconds"),
        );
    }
}

/// Credentials are for origins that have a name.
pub(in crate::config) fn cors(section: &Section<'_, '_, '_>, cors: &Cors) {
    if cors.origins.is_empty() {
        section.report(
            "origins",
            Diagnostic::error(Code::InvalidValue, "`origins` names nobody")
                .help("leave `[cors]` out"),
        );
    }
    if cors.credentials && cors.origins.iter().any(|origin| origin == "*") {
        section.report(
            "credentials",
            Diagnostic::error(
                Code::Conflict,
                "`credentials` and the origin `*` exclude each other",
            )
            .note("any page that a person opens could act in their name")
            .help("name the origins"),
        );
    }
}
