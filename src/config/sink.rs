//! `sinks` and `endpoints` of `[credentials]`: where a credential goes, and where it must work.

mod remote;

pub use remote::{AzureLogin, AzureProof, KeyVault, KubernetesSecret, Vault, VaultLogin};

use super::{Address, Rotating, section::Section};
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
    /// Where each new credential of the keeper itself is published; none means its own file.
    pub keeper_sinks: Vec<Sink>,
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
    /// A Secret of a Kubernetes cluster.
    Kubernetes(KubernetesSecret),
    /// A secret of a `HashiCorp` Vault or an `OpenBao`.
    Vault(Vault),
    /// A secret of an Azure Key Vault.
    KeyVault(KeyVault),
}

/// The section; nothing when one of its values is wrong.
pub(super) fn read(section: &Section<'_, '_, '_>) -> Option<Credentials> {
    let given = section.item("sinks").map(|item| sinks(&item));
    let keeper_sinks = section.item("keeper_sinks").map_or(Some(Vec::new()), |item| sinks(&item));
    let endpoints = section.item("endpoints").map_or(Some(Vec::new()), |item| endpoints(&item));
    let rotating = Rotating::read(section);
    let Some(given) = given else {
        section.report(
            "sinks",
            Diagnostic::error(Code::MissingKey, "`credentials.sinks` is missing")
                .help("say where a new credential goes: `sinks = [{ file = \"/run/howdah/credential.json\" }]`"),
        );
        return None;
    };
    Some(Credentials {
        rotating: rotating?,
        sinks: given?,
        keeper_sinks: keeper_sinks?,
        endpoints: endpoints?,
    })
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
    let sink = if let Some(path) = table.take("file") {
        file(&path, table)
    } else if let Some(secret) = table.take("kubernetes") {
        remote::kubernetes(&secret, table).map(Sink::Kubernetes)
    } else if let Some(server) = table.take("vault") {
        remote::vault(&server, table).map(Sink::Vault)
    } else if let Some(vault) = table.take("key_vault") {
        remote::key_vault(&vault, table).map(Sink::KeyVault)
    } else {
        let help = "name a `file`, a `kubernetes` Secret, a `vault` or a `key_vault`: \
            `{ file = \"/run/howdah/credential.json\" }`";
        item.refuse(Code::MissingKey, "does not say where to", Some(help));
        None
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
