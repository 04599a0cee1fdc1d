//! `sinks` and `endpoints` of `[credentials]`: where a credential goes, and where it must work.

use super::{Address, Rotating, kind::shown, section::Section};
use crate::{
    diagnostic::{Code, Diagnostic},
    table::{Item, Table},
};
use std::path::PathBuf;

/// `[credentials]`, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Its plain settings.
    pub rotating: Rotating,
    /// Where each new credential is published, at least one.
    pub sinks: Vec<Sink>,
    /// Where each new credential must work beside the database itself: replicas and poolers.
    pub endpoints: Vec<(String, u16)>,
}

/// A place that a credential is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// A file on this machine.
    File {
        /// Where.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A Kubernetes Secret.
    Kubernetes {
        /// `namespace/name`.
        secret: (String, String),
        /// The API server: `https://kubernetes.default.svc`.
        api: String,
        /// The file with the bearer token.
        token_file: PathBuf,
        /// The file with the certificate of the API's authority; the system's otherwise.
        ca_file: Option<PathBuf>,
    },
    /// A secret in a KV version 2 engine of `HashiCorp` Vault or `OpenBao`.
    Vault {
        /// The server: `https://vault.internal:8200`.
        api: String,
        /// `mount/path`, the engine's mount being the first part.
        secret: (String, String),
        /// The file with the token.
        token_file: PathBuf,
        /// The file with the certificate of the server's authority; the system's otherwise.
        ca_file: Option<PathBuf>,
    },
    /// A secret in Azure Key Vault.
    KeyVault {
        /// The vault: `https://my-vault.vault.azure.net`.
        api: String,
        /// The secret's name.
        secret: String,
        /// The file with the bearer token.
        token_file: PathBuf,
        /// The file with the certificate of the server's authority; the system's otherwise.
        ca_file: Option<PathBuf>,
    },
}

/// The section; nothing when one of its values is wrong.
pub(super) fn read(section: &Section<'_, '_, '_>) -> Option<Credentials> {
    let sinks = section.item("sinks").map(|item| sinks(&item));
    let endpoints = section.item("endpoints").map_or(Some(Vec::new()), |item| endpoints(&item));
    let rotating = Rotating::read(section);
    let Some(sinks) = sinks else {
        section.report(
            "sinks",
            Diagnostic::error(Code::MissingKey, "`credentials.sinks` is missing")
                .help("say where a new credential goes: `sinks = [{ file = \"/run/howdah/credential.json\" }]`"),
        );
        return None;
    };
    Some(Credentials { rotating: rotating?, sinks: sinks?, endpoints: endpoints? })
}

fn sinks(item: &Item<'_, '_>) -> Option<Vec<Sink>> {
    let items = item.array()?;
    if items.is_empty() {
        item.refuse(Code::InvalidValue, "is empty: a new credential would go nowhere", None);
        return None;
    }
    let read: Vec<_> = items.iter().map(|item| sink(item, &item.table()?)).collect();
    read.into_iter().collect()
}

fn sink(item: &Item<'_, '_>, table: &Table<'_, '_>) -> Option<Sink> {
    let kinds = ["file", "kubernetes_secret", "vault", "key_vault"];
    let found: Vec<_> =
        kinds.into_iter().filter_map(|kind| Some((kind, table.take(kind)?))).collect();
    let sink = match found.as_slice() {
        [("file", path)] => file(path, table),
        [(kind, secret)] => remote(kind, secret, table),
        [] => {
            let help = "name one of `file`, `kubernetes_secret`, `vault` and `key_vault`";
            item.refuse(Code::MissingKey, "does not say where to", Some(help));
            None
        }
        _ => {
            item.refuse(
                Code::Conflict,
                "names more than one place",
                Some("write one sink for each"),
            );
            None
        }
    };
    table.finish();
    sink
}

fn file(path: &Item<'_, '_>, table: &Table<'_, '_>) -> Option<Sink> {
    let mode = match table.take("mode") {
        None => Some(0o640),
        Some(item) => {
            let text = item.string()?;
            let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o777);
            if mode.is_none_or(|mode| mode & 0o007 != 0) {
                let why = "is a file's permissions in octal digits, with nothing for others";
                item.refuse(Code::InvalidValue, why, Some("write `mode = \"0640\"`"));
                return None;
            }
            mode
        }
    };
    let text = path.string()?;
    if !text.starts_with('/') || text.ends_with('/') {
        path.refuse(Code::InvalidValue, "is a file's whole path", None);
        return None;
    }
    Some(Sink::File { path: text.into(), mode: mode? })
}

fn remote(kind: &str, secret: &Item<'_, '_>, table: &Table<'_, '_>) -> Option<Sink> {
    let name = secret.string();
    let api = table.require("api").and_then(|item| {
        let text = item.string()?;
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        let is_local = matches!(host, "127.0.0.1" | "localhost");
        if rest.is_empty() || !(scheme == "https" || scheme == "http" && is_local) {
            let why = "takes an `https://` address (`http://` on loopback alone)";
            item.refuse(Code::InvalidValue, why, None);
            return None;
        }
        Some(text.trim_end_matches('/').to_owned())
    });
    let path = |key| match table.take(key) {
        None => Some(None),
        Some(item) => item.string().map(|text| Some(PathBuf::from(text))),
    };
    let token_file = table.require("token_file").and_then(|item| item.string()).map(PathBuf::from);
    let ca_file = path("ca_file");
    let (name, api, token_file, ca_file) = (name?, api?, token_file?, ca_file?);
    let pair = || {
        let parts = name.split_once('/').filter(|(one, two)| !one.is_empty() && !two.is_empty());
        if parts.is_none() {
            let message = format!("`{}` takes two names with a slash between", secret.path());
            secret.report(Diagnostic::error(Code::InvalidValue, message).label(shown(&name)));
        }
        parts.map(|(one, two)| (one.to_owned(), two.to_owned()))
    };
    Some(match kind {
        "kubernetes_secret" => Sink::Kubernetes { secret: pair()?, api, token_file, ca_file },
        "vault" => Sink::Vault { secret: pair()?, api, token_file, ca_file },
        _ => Sink::KeyVault { secret: name, api, token_file, ca_file },
    })
}

fn endpoints(item: &Item<'_, '_>) -> Option<Vec<(String, u16)>> {
    let read = item.array()?.into_iter().map(|item| {
        let text = item.string()?;
        match Address::parse(&text) {
            Ok(Address::Tcp(host, port)) => Some((host, port)),
            _ => {
                item.refuse(Code::InvalidValue, "is a server as `host:port`", None);
                None
            }
        }
    });
    // All of them, so that each mistake is told.
    read.collect::<Vec<_>>().into_iter().collect()
}
