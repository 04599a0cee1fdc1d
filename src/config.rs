//! What a service's manifest, `howdah.toml`, says.
//!
//! Owns every setting: its name, type, default, meaning, and where it may come from (a flag, the
//! environment, the file). Does not own reading files (`startup` does, the password's too), nor what
//! acts on a setting.

mod address;
mod check;
mod connection;
mod database;
mod declare;
mod document;
mod environment;
mod fixed;
mod keeper;
mod kind;
mod list;
mod protection;
pub(crate) mod quantity;
mod records;
mod route;
mod secrecy;
mod section;
mod settings;
mod sink;
mod slot;
mod url;

pub use address::Address;
pub use connection::{Authorities, ChannelBinding, Pooler, SessionAttrs, SslMode, SslNegotiation};
pub use database::Password;
pub use keeper::{Keeper, Rotating};
pub use list::safe_url;
pub use protection::{
    Algorithm, Auth, Client, Cors, ForwardedField, Headers, Issuer, KeySource, Proxies, RateLimit,
};
pub use records::{AccessPolicy, Action as AccessAction, Audit, SignIn, Webhook};
pub use section::SecretFiles;
pub use settings::{
    Access, Answers, Cache, Database, Format, Hardening, Kept, Lane, Level, Limits, Listen, Log,
    Process, Reload, Scheduling, Service, Tls, TlsVersion,
};
pub use sink::{
    AzureLogin, AzureProof, Credentials, KeyVault, KubernetesSecret, Sink, Vault, VaultLogin,
};

use crate::{
    definition::route::Route,
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    name::Identifier,
    table::{self, Item, Table},
};
use declare::{Described, whole};
use section::{Section, Sources};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// The largest manifest that is read, in bytes.
pub const MAX_MANIFEST_BYTES: usize = 1 << 20;

/// A manifest with its defaults filled in and every value checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[service]`
    pub service: Service,
    /// `[listen]`
    pub listen: Listen,
    /// `[tls]`, when the public listener speaks it.
    pub tls: Option<Tls>,
    /// `[database]`, when the service has one.
    pub database: Option<Database>,
    /// `[keeper]`, when the service has one.
    pub keeper: Option<Keeper>,
    /// `[credentials]`, when the keeper rotates them.
    pub credentials: Option<Credentials>,
    /// `[audit]`
    pub audit: Audit,
    /// `[access.policies.…]`
    pub access_policies: BTreeMap<Identifier, AccessPolicy>,
    /// `[access.issuers.…]`
    pub access_issuers: BTreeMap<Identifier, SignIn>,
    /// `[webhook]`, when the keeper tells anybody.
    pub webhook: Option<Webhook>,
    /// `[lanes.…]`; `read` and `write` are always there.
    pub lanes: BTreeMap<Identifier, Lane>,
    /// `[limits]`
    pub limits: Limits,
    /// `[process]`
    pub process: Process,
    /// `[hardening]`
    pub hardening: Hardening,
    /// `[reload]`
    pub reload: Reload,
    /// `[answers]`
    pub answers: Answers,
    /// `[idempotency]`
    pub idempotency: Kept,
    /// `[cache]`
    pub cache: Cache,
    /// `[log]`
    pub log: Log,
    /// `[auth]`
    pub auth: Auth,
    /// `[auth.issuers.…]`
    pub issuers: BTreeMap<Identifier, Issuer>,
    /// `[auth.clients.…]`
    pub clients: BTreeMap<Identifier, Client>,
    /// `[rate_limits.…]`
    pub rate_limits: BTreeMap<Identifier, RateLimit>,
    /// `[proxies]`
    pub proxies: Proxies,
    /// `[cors]`, when pages of other origins may call.
    pub cors: Option<Cors>,
    /// `[headers]`
    pub headers: Headers,
    /// `[[route]]`: what is answered without SQL, in the order of the manifest.
    pub routes: Vec<Route>,
}

/// Reads the manifest `source`.
///
/// A value comes from the first of: `overrides` (`listen.http` and its value; the last one of a key
/// counts), the variable `HOWDAH_LISTEN_HTTP` of `environment`, the file, the default. In the
/// file's strings `${NAME}` and `${NAME:-default}` are replaced from `environment`, once.
///
/// A connection URL that is in a file is not read: see [`read_with_files`].
///
/// # Errors
/// Everything that is wrong, warnings too; `Ok` carries the warnings alone.
pub fn read(
    source: &Arc<SourceFile>,
    environment: &dyn Fn(&str) -> Option<String>,
    overrides: &[(String, String)],
) -> Result<(Config, Diagnostics), Diagnostics> {
    let no_file = |path: &Path| {
        let message = format!("no file is read here, and {} is one", path.display());
        Err(Diagnostic::error(Code::Unreadable, message).boxed())
    };
    read_with_files(source, environment, overrides, &no_file)
}

/// As [`read`], where `files` reads the secret in a file: that of `database.url_file`.
///
/// # Errors
/// As [`read`].
pub fn read_with_files(
    source: &Arc<SourceFile>,
    environment: &dyn Fn(&str) -> Option<String>,
    overrides: &[(String, String)],
    files: &SecretFiles<'_>,
) -> Result<(Config, Diagnostics), Diagnostics> {
    if source.text().len() > MAX_MANIFEST_BYTES {
        return Err(Diagnostic::error(Code::Unreadable, "the file is larger than 1 MiB")
            .in_file(source)
            .into());
    }
    let shown = secrecy::blotted(source);
    let sources = Sources::new(&shown, environment, overrides, files);
    let expand = |text: &str| environment::expand(text, environment, &str::to_owned);
    let (config, mut diagnostics) =
        table::read(&shown, source.text(), 0, Some(&expand), |root| read_root(root, &sources));
    sources.check_overrides();
    let is_broken = diagnostics.iter().any(|it| it.code() == Code::TomlSyntax);
    let outside = sources.outside.take();
    // In a broken file nothing is missing for sure.
    let certain = outside.iter().filter(|it| !is_broken || it.code() != Code::MissingKey);
    diagnostics.append(certain.cloned().collect());
    diagnostics.sort();
    diagnostics.into_result(config)
}

fn read_root(root: &Table<'_, '_>, sources: &Sources<'_>) -> Option<Config> {
    let section = |path| Section::new(sources, path, root.take(path).as_ref());
    let service = Service::read(&section("service"));
    let listen = read_listen(&section("listen"));
    let tls = optional(&section("tls"), &Tls::describe(), Tls::read);
    let database = optional(&section("database"), &Database::describe(), database::read);
    let keeper = optional(&section("keeper"), &Keeper::describe(), read_keeper);
    let rotating = section("credentials");
    // Only the file has them: their sinks are more than text.
    let credentials = optional(&rotating, &Rotating::describe(), sink::read);
    let audit = Audit::read(&section("audit"));
    let access = root.table("access");
    let policies = access.as_ref().and_then(|access| access.table("policies"));
    let access_policies = read_named(policies.as_ref(), "access.policies", sources, |section| {
        let policy = AccessPolicy::read(section)?;
        check::policy(section, &policy).then_some(policy)
    });
    if let (Some(Some(credentials)), Some(policies)) = (&credentials, &access_policies) {
        check::approval(&rotating, credentials, policies);
    }
    let issuers = access.as_ref().and_then(|access| access.table("issuers"));
    let access_issuers = read_named(issuers.as_ref(), "access.issuers", sources, |section| {
        let issuer = SignIn::read(section)?;
        check::sign_in(section, &issuer).then_some(issuer)
    });
    if let Some(access) = &access {
        access.finish();
    }
    let webhook = optional(&section("webhook"), &Webhook::describe(), |section| {
        Webhook::read(section).filter(|_| check::webhook(section, audit.as_ref()))
    });
    let lanes = read_lanes(root.table("lanes").as_ref(), sources);
    let limits = Limits::read(&section("limits"));
    let process = Process::read(&section("process"));
    let hardening = Hardening::read(&section("hardening"));
    let reload = Reload::read(&section("reload"));
    let answers = Answers::read(&section("answers"));
    let idempotency = Kept::read(&section("idempotency"));
    let cache = Cache::read(&section("cache"));
    let log = Log::read(&section("log"));
    let signing = section("auth");
    let clients =
        read_named(signing.table("clients").as_ref(), "auth.clients", sources, Client::read);
    let auth = read_auth(&signing, sources);
    if let (Some(auth), Some(clients), Some(tls)) = (&auth.0, &clients, &tls) {
        let asks = tls.as_ref().is_some_and(|it| it.client_authority.is_some());
        protection::clients(&signing, auth, clients, asks);
    }
    let rate_limits =
        read_named(root.table("rate_limits").as_ref(), "rate_limits", sources, |section| {
            let limit = RateLimit::read(section)?;
            protection::rate_limit(section, &limit);
            Some(limit)
        });
    let proxies = Proxies::read(&section("proxies"));
    let cors = optional(&section("cors"), &Cors::describe(), read_cors);
    let headers = Headers::read(&section("headers"));
    let routes = route::read(root, sources.environment);
    root.finish();
    let (auth, issuers) = auth;
    whole!(Config {
        service,
        listen,
        tls,
        database,
        keeper,
        credentials,
        audit,
        access_policies,
        access_issuers,
        webhook,
        lanes,
        limits,
        process,
        hardening,
        reload,
        answers,
        idempotency,
        cache,
        log,
        issuers,
        clients,
        auth,
        rate_limits,
        proxies,
        cors,
        headers,
        routes,
    })
}

fn read_listen(section: &Section<'_, '_, '_>) -> Option<Listen> {
    let listen = Listen::read(section)?;
    check::listen(section, &listen);
    Some(listen)
}

/// A table that need not be there, of these keys: `None` when it is wrong, `Some(None)` when it is absent.
/// Its keys are known all the same, so that a flag that misspells one is told so.
#[expect(clippy::option_option, reason = "absent and wrong lead to different ends")]
fn optional<T>(
    section: &Section<'_, '_, '_>,
    described: &Described,
    read: impl FnOnce(&Section<'_, '_, '_>) -> Option<T>,
) -> Option<Option<T>> {
    let keys = || described.keys.iter().map(|key| key.name);
    if !section.is_given(keys()) {
        section.know(keys());
        return Some(None);
    }
    read(section).map(Some)
}

fn read_keeper(section: &Section<'_, '_, '_>) -> Option<Keeper> {
    Keeper::read(section).filter(|keeper| check::keeper(section, keeper))
}

fn read_cors(section: &Section<'_, '_, '_>) -> Option<Cors> {
    let cors = Cors::read(section)?;
    protection::cors(section, &cors);
    Some(cors)
}

/// `[auth]` and its issuers, each nothing when it is wrong.
fn read_auth(
    section: &Section<'_, '_, '_>,
    sources: &Sources<'_>,
) -> (Option<Auth>, Option<BTreeMap<Identifier, Issuer>>) {
    let table = section.table("issuers");
    let issuers = read_named(table.as_ref(), "auth.issuers", sources, |section| {
        let issuer = Issuer::read(section)?;
        protection::issuer(section, &issuer);
        Some(issuer)
    });
    let auth = Auth::read(section);
    if let (Some(auth), Some(issuers)) = (&auth, &issuers) {
        protection::settle(section, auth, issuers);
    }
    (auth, issuers)
}

/// The tables below `path` whose names are a person's own.
fn read_named<T>(
    table: Option<&Table<'_, '_>>,
    path: &str,
    sources: &Sources<'_>,
    read: impl Fn(&Section<'_, '_, '_>) -> Option<T>,
) -> Option<BTreeMap<Identifier, T>> {
    let mut found = Vec::new();
    for (name, span, item) in table.map(Table::rest).unwrap_or_default() {
        let identifier = Identifier::parse(&name);
        if let (Err(why), Some(table)) = (&identifier, table) {
            let message = format!("the name `{}` {why}", kind::shown(&name));
            table.report(Diagnostic::error(Code::InvalidValue, message), span);
        }
        let section = Section::new(sources, format!("{path}.{name}"), Some(&item));
        let value = read(&section);
        found.push(identifier.ok().zip(value));
    }
    found.into_iter().collect()
}

fn read_lanes(
    table: Option<&Table<'_, '_>>,
    sources: &Sources<'_>,
) -> Option<BTreeMap<Identifier, Lane>> {
    let mut lanes = Vec::new();
    for name in ["read", "write"] {
        let item = table.and_then(|table| table.take(name));
        lanes.push(read_lane(Identifier::parse(name).ok(), name, item.as_ref(), sources));
    }
    for (name, span, item) in table.map(Table::rest).unwrap_or_default() {
        let identifier = Identifier::parse(&name);
        if let (Err(why), Some(table)) = (&identifier, table) {
            let message = format!("the lane's name `{}` {why}", kind::shown(&name));
            table.report(Diagnostic::error(Code::InvalidValue, message), span);
        }
        lanes.push(read_lane(identifier.ok(), &name, Some(&item), sources));
    }
    lanes.into_iter().collect()
}

fn read_lane(
    identifier: Option<Identifier>,
    name: &str,
    item: Option<&Item<'_, '_>>,
    sources: &Sources<'_>,
) -> Option<(Identifier, Lane)> {
    let section = Section::new(sources, format!("lanes.{name}"), item);
    let lane = Lane::read(&section)?;
    check::lane(&section, &lane);
    Some((identifier?, lane))
}

impl Config {
    /// A complete manifest: every key with its meaning and its default.
    pub fn documented_default() -> String {
        document::default_manifest()
    }

    /// The page `docs/configuration.md`.
    pub fn reference() -> String {
        document::reference()
    }

    /// A warning for each of `names` (of environment variables) that looks like a setting of this
    /// configuration and is none.
    pub fn unknown_variables(&self, names: impl IntoIterator<Item = String>) -> Diagnostics {
        check::unknown_variables(self, names)
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
