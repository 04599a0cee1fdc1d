//! What settings must be together: checks that look at more than one.

use super::{
    AccessAction, AccessPolicy, Address, Audit, Authorities, ChannelBinding, Config, Credentials,
    Database, Keeper, KeySource, Lane, Listen, Pooler, SignIn, SslMode, SslNegotiation, document,
    protection,
    section::{Section, variable_of},
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    name::{self, Identifier},
};
use std::{collections::BTreeMap, net::IpAddr};

/// Operators' and callers' listeners are two.
pub(super) fn listen(section: &Section<'_, '_, '_>, listen: &Listen) {
    if let Some(admin) = &listen.admin
        && admin.overlaps(&listen.http)
    {
        let message = format!("`listen.admin` ({admin}) and `listen.http` ({}) meet", listen.http);
        section.report(
            "admin",
            Diagnostic::error(Code::Conflict, message)
                .help("give `admin` a port of its own, or `off`"),
        );
    }
}

/// One source of the password, and the better one.
pub(super) fn database(section: &Section<'_, '_, '_>, mut database: Database) -> Database {
    let Some(password) = &database.password else { return database };
    // The keys that say it, and say it better.
    let (key, said) = match (section.is_supplied("password"), &database.url_file) {
        (false, _) => ("password", "`database.password`"),
        (true, None) => ("url", "the password in `database.url`"),
        (true, Some(_)) => ("url_file", "the password in the file of `database.url_file`"),
    };
    if database.password_file.is_some() {
        let both = match key {
            "password" => "both `database.password` and `database.password_file` are given".into(),
            _ => format!("both {said} and `database.password_file` are given"),
        };
        section.report(
            key,
            Diagnostic::warning(Code::Conflict, both).help(match key {
                "password" => "`password_file` is used; remove `password`",
                _ => "`password_file` is used; take the password out of the URL",
            }),
        );
        database.password = None;
    } else if password.in_environment {
        let (what, better) =
            if key == "url" { ("URL", "url_file") } else { ("password", "password_file") };
        section.report(
            key,
            Diagnostic::warning(
                Code::LiteralSecret,
                format!("{said} comes from the environment, which other processes can read"),
            )
            .help(format!("write the {what} to a file and name it with `{better}`")),
        );
    }
    database
}

/// Each host has its port. Says whether it is good.
pub(super) fn database_hosts(section: &Section<'_, '_, '_>, database: &Database) -> bool {
    let direct = database.direct_host.as_ref().map_or(1, Vec::len);
    let each = [
        ("port", database.host.len(), database.port.len()),
        ("direct_port", direct, database.direct_port.len()),
    ];
    let mut good = true;
    for (key, hosts, ports) in
        each.into_iter().filter(|(_, hosts, ports)| ![1, *hosts].contains(ports))
    {
        let message = format!("`database.{key}` names {ports} ports for {hosts} hosts");
        section.report(
            key,
            Diagnostic::error(Code::Conflict, message)
                .help("name one port for all hosts, or one for each, in their order"),
        );
        good = false;
    }
    good
}

/// A pooler can be gone around, and nothing else is. Says whether it is good.
pub(super) fn database_pooler(section: &Section<'_, '_, '_>, database: &Database) -> bool {
    let good = database.pooler == Pooler::None || database.direct_host.is_some();
    if !good {
        section.report(
            "direct_host",
            Diagnostic::error(
                Code::MissingKey,
                "`database.pooler` is `transaction`, and `direct_host` does not say where the server is",
            )
            .note(
                "statements are typed, notifications heard and migrations made in sessions, which a \
                 pooler in transaction mode does not give",
            )
            .help("name the server, or a pooler in session mode, as `direct_host` and `direct_port`"),
        );
    } else if database.pooler == Pooler::None && database.direct_host.is_some() {
        section.report(
            "direct_host",
            Diagnostic::warning(
                Code::Conflict,
                "`database.direct_host` is given, and `pooler` says that `host` is the server",
            )
            .help("set `pooler = \"transaction\"`, or remove `direct_host`"),
        );
    }
    good
}

/// What TLS to the database takes together. Says whether it is good.
pub(super) fn database_tls(section: &Section<'_, '_, '_>, database: &Database) -> bool {
    let file = matches!(database.sslrootcert, Some(Authorities::File(_)));
    let mode = database.sslmode;
    let conflicts = [
        (
            mode == Some(SslMode::VerifyCa) && !file,
            "sslmode",
            "`database.sslmode` is `verify-ca`, and `sslrootcert` names no file",
            "name the authority's certificate, or take `verify-full`: an authority that everybody \
             can ask signs for any host",
        ),
        (
            mode < Some(SslMode::VerifyCa)
                && mode.is_some()
                && database.sslrootcert == Some(Authorities::System),
            "sslrootcert",
            "`database.sslrootcert` is `system`, and `sslmode` does not ask for a known authority",
            "take `sslmode = \"verify-full\"`",
        ),
        (
            database.sslkey.is_some() && database.sslcert.is_none(),
            "sslkey",
            "`database.sslkey` is given without `sslcert`",
            "name the certificate that the key belongs to",
        ),
        (
            database.sslnegotiation == SslNegotiation::Direct
                && !(mode >= Some(SslMode::Require) || mode.is_none() && file),
            "sslnegotiation",
            "`database.sslnegotiation` is `direct`, and `sslmode` does not ask for TLS",
            "take `sslmode = \"verify-full\"`",
        ),
        (
            database.channel_binding == ChannelBinding::Require
                && matches!(mode, Some(SslMode::Disable | SslMode::Prefer)),
            "channel_binding",
            "`database.channel_binding` is `require`, and `sslmode` does not ask for TLS",
            "take `sslmode = \"require\"` or more",
        ),
    ];
    let mut good = true;
    for (_, key, message, help) in conflicts.into_iter().filter(|(is, ..)| *is) {
        section.report(key, Diagnostic::error(Code::Conflict, message).help(help));
        good = false;
    }
    good
}

/// The keeper's listener changes credentials, so that it is not for the network. Says whether it is
/// good.
pub(super) fn keeper(section: &Section<'_, '_, '_>, keeper: &Keeper) -> bool {
    let local = match &keeper.listen {
        Address::Unix(_) => true,
        Address::Tcp(host, _) => {
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
        }
    };
    if !local {
        let message = format!("`keeper.listen` ({}) can be reached from outside", keeper.listen);
        section.report(
            "listen",
            Diagnostic::error(Code::InvalidValue, message)
                .note("whoever reaches it can ask for a rotation")
                .help("listen on `127.0.0.1:9100` or on `unix:/path`"),
        );
    }
    local
}

/// A policy for logins names the role that they get, one for rotations none. Says whether it is good.
pub(super) fn policy(section: &Section<'_, '_, '_>, policy: &AccessPolicy) -> bool {
    let name = section.name();
    let problem = match (policy.action, &policy.profile) {
        (AccessAction::Login, None) => {
            Diagnostic::error(Code::MissingKey, format!("policy `{name}` names no `profile`"))
                .help("name the role that its logins become members of")
        }
        (AccessAction::Rotation, Some(_)) => Diagnostic::error(
            Code::Conflict,
            format!("policy `{name}` is for rotations, and names a `profile`"),
        )
        .help("remove `profile`: a rotation makes no login for a person"),
        _ => return true,
    };
    section.report("profile", problem);
    false
}

/// The policy that rotations take is one of theirs.
pub(super) fn approval(
    section: &Section<'_, '_, '_>,
    credentials: &Credentials,
    policies: &BTreeMap<Identifier, AccessPolicy>,
) {
    let wanted = credentials.rotating.approval.as_str();
    let named = policies.iter().find(|(name, _)| name.as_str() == wanted);
    if wanted == "none" || named.is_some_and(|(_, it)| it.action == AccessAction::Rotation) {
        return;
    }
    let message = format!("`credentials.approval` names no policy for rotations: `{wanted}`");
    section.report(
        "approval",
        Diagnostic::error(Code::InvalidValue, message).help(format!(
            "make one, `[access.policies.{wanted}]` with `action = \"rotation\"`, or say `none`"
        )),
    );
}

/// A statement may not take longer than the request that waits for it.
pub(super) fn lane(section: &Section<'_, '_, '_>, lane: &Lane) {
    if lane.statement_timeout > lane.deadline {
        let message = format!(
            "lane `{}`: `statement_timeout` ({}) is longer than `deadline` ({}), so it never applies",
            section.name(),
            humantime::format_duration(lane.statement_timeout),
            humantime::format_duration(lane.deadline),
        );
        section.report(
            "statement_timeout",
            Diagnostic::warning(Code::Conflict, message)
                .help("make `statement_timeout` shorter, or `deadline` longer"),
        );
    }
}

/// A warning for each of `names` that begins like a setting's variable, or nearly is one.
pub(super) fn unknown_variables(
    config: &Config,
    names: impl IntoIterator<Item = String>,
) -> Diagnostics {
    let known = variables(config);
    let sections = [
        "SERVICE",
        "LISTEN",
        "TLS",
        "DATABASE",
        "LANES",
        "LIMITS",
        "HARDENING",
        "RELOAD",
        "LOG",
        "KEEPER",
        "CREDENTIALS",
        "AUTH",
        "PROXIES",
        "CORS",
        "HEADERS",
    ];
    let mut diagnostics = Diagnostics::new();
    let mut names: Vec<_> = names.into_iter().filter(|name| !known.contains(name)).collect();
    names.sort_unstable();
    for variable in names {
        let Some(rest) = variable.strip_prefix("HOWDAH_") else { continue };
        let section = rest.split_once('_').map_or(rest, |(section, _)| section);
        let near = name::nearest(&variable, known.iter().map(String::as_str));
        if near.is_none() && !sections.contains(&section) {
            continue;
        }
        let help = near.map_or_else(
            || "`howdah config` lists every key".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("the environment variable `{variable}` sets nothing");
        diagnostics.push(Diagnostic::warning(Code::UnknownKey, message).help(help));
    }
    diagnostics
}

/// Tokens of the issuer are checked with its public keys, and it is not called as the keeper's own
/// people are. Says whether it is good.
pub(super) fn sign_in(section: &Section<'_, '_, '_>, issuer: &SignIn) -> bool {
    let wrong = if matches!(issuer.keys, KeySource::Secret(_)) {
        Some(("keys", "`keys` names a secret, and whoever checks with it could sign, too"))
    } else if issuer.issuer == "local" {
        Some(("issuer", "`local` is what the keeper's own tokens are issued by"))
    } else {
        None
    };
    protection::issuer(section, &issuer.as_issuer());
    if let Some((key, message)) = wrong {
        section.report(key, Diagnostic::error(Code::InvalidValue, message));
    }
    wrong.is_none()
}

/// What is told are leaves of the trail, which there are when it is signed. Says whether it is good.
pub(super) fn webhook(section: &Section<'_, '_, '_>, audit: Option<&Audit>) -> bool {
    let good = audit.is_none_or(|audit| audit.key_file.is_some());
    if !good {
        section.report(
            "url",
            Diagnostic::error(Code::Conflict, "`[webhook]` needs `audit.key_file`")
                .note("what is told are entries of the audit trail, once they are in their order")
                .help("`howdah audit key` makes a key"),
        );
    }
    good
}

/// The variable of every setting, those of the lanes that there are.
fn variables(config: &Config) -> Vec<String> {
    let names = |path: &str| match path {
        "lanes.NAME" => config.lanes.keys().collect(),
        "auth.issuers.NAME" => config.issuers.keys().collect(),
        "auth.clients.NAME" => config.clients.keys().collect(),
        "access.policies.NAME" => config.access_policies.keys().collect(),
        "access.issuers.NAME" => config.access_issuers.keys().collect(),
        "rate_limits.NAME" => config.rate_limits.keys().collect(),
        _ => Vec::new(),
    };
    let mut variables = Vec::new();
    for section in document::sections() {
        for key in &section.keys {
            let variable = |path: &str| variable_of(&format!("{path}.{}", key.name));
            match section.path.strip_suffix(".NAME") {
                None => variables.push(variable(section.path)),
                Some(above) => variables.extend(
                    names(section.path)
                        .into_iter()
                        .map(|name| variable(&format!("{above}.{name}"))),
                ),
            }
        }
    }
    variables
}
