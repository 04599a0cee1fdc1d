//! Sinks on other machines: which server, what there, and how the keeper signs in. Every secret is
//! in a file that is read anew each time.

use crate::{
    config::list,
    diagnostic::Code,
    table::{Item, Table},
};
use std::path::PathBuf;

/// Where a pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A Secret of a Kubernetes cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesSecret {
    /// The API server.
    pub server: String,
    /// The Secret's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The service account's token.
    pub token_file: PathBuf,
    /// The authorities that the API server's certificate may be of.
    pub ca_file: PathBuf,
}

/// A secret in an engine KV version 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vault {
    /// The server.
    pub server: String,
    /// Where the engine is mounted.
    pub mount: String,
    /// The secret's path there.
    pub path: String,
    /// The namespace, where there are any.
    pub namespace: Option<String>,
    /// The authorities that the server's certificate may be of; else those of the system.
    pub ca_file: Option<PathBuf>,
    /// How the keeper signs in.
    pub login: VaultLogin,
}

/// How the keeper signs in to a Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultLogin {
    /// With a token that an agent keeps in a file.
    Token(PathBuf),
    /// By Kubernetes authentication, as a service account.
    Kubernetes {
        /// Where the method is mounted.
        mount: String,
        /// The role.
        role: String,
        /// The service account's token.
        token_file: PathBuf,
    },
    /// By `AppRole` authentication.
    AppRole {
        /// Where the method is mounted.
        mount: String,
        /// The role's id.
        role_id: String,
        /// The file with the secret id.
        secret_id_file: PathBuf,
    },
}

/// A secret of an Azure Key Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVault {
    /// The vault's address.
    pub vault: String,
    /// The secret's name.
    pub name: String,
    /// How the keeper signs in.
    pub login: AzureLogin,
}

/// How the keeper signs in to Azure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AzureLogin {
    /// As an application, by OAuth 2.0 client credentials.
    Application {
        /// The authority that gives tokens.
        authority: String,
        /// The tenant.
        tenant: String,
        /// The application.
        client_id: String,
        /// What proves that.
        proof: AzureProof,
    },
    /// As the machine that it runs on.
    ManagedIdentity {
        /// Which of its identities, where it has several.
        client_id: Option<String>,
    },
}

/// What proves that the keeper is an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AzureProof {
    /// The client secret in this file.
    Secret(PathBuf),
    /// The token in this file that a federated issuer has signed, as workload identity has it.
    Assertion(PathBuf),
}

/// `{ kubernetes = "namespace/name", … }`.
pub(super) fn kubernetes(secret: &Item<'_, '_>, table: &Table<'_, '_>) -> Option<KubernetesSecret> {
    let server = address(table, "server", Some("https://kubernetes.default.svc"));
    let of_pod = |name: &str| Some(PathBuf::from(format!("{SERVICE_ACCOUNT}/{name}")));
    let token_file = file(table, "token_file", of_pod("token"));
    let ca_file = file(table, "ca_file", of_pod("ca.crt"));
    let text = secret.string()?;
    let Some((namespace, name)) = text
        .split_once('/')
        .filter(|(namespace, name)| is_dns_name(namespace) && is_dns_name(name))
    else {
        secret.refuse(Code::InvalidValue, "is a Secret as `namespace/name`", None);
        return None;
    };
    let (namespace, name) = (namespace.to_owned(), name.to_owned());
    let (server, token_file, ca_file) = (server?, token_file?, ca_file?);
    Some(KubernetesSecret { server, namespace, name, token_file, ca_file })
}

/// `{ vault = "https://…", path = "…", … }`.
pub(super) fn vault(server: &Item<'_, '_>, table: &Table<'_, '_>) -> Option<Vault> {
    let mount = path(table, "mount", Some("secret"));
    let below = path(table, "path", None);
    let namespace = path(table, "namespace", Some(""));
    let ca_file = optional_file(table, "ca_file");
    let login = vault_login(server, table);
    let server = checked(server);
    Some(Vault {
        server: server?,
        mount: mount?,
        path: below?,
        namespace: namespace.map(|it| (!it.is_empty()).then_some(it))?,
        ca_file: ca_file?,
        login: login?,
    })
}

fn vault_login(at: &Item<'_, '_>, table: &Table<'_, '_>) -> Option<VaultLogin> {
    if let Some(role) = table.take("role") {
        let mount = path(table, "auth_mount", Some("kubernetes"));
        let account = Some(PathBuf::from(format!("{SERVICE_ACCOUNT}/token")));
        let token_file = file(table, "token_file", account);
        Some(VaultLogin::Kubernetes { mount: mount?, role: word(&role)?, token_file: token_file? })
    } else if let Some(role_id) = table.take("role_id") {
        let mount = path(table, "auth_mount", Some("approle"));
        let secret_id_file = file(table, "secret_id_file", None);
        let role_id = word(&role_id)?;
        Some(VaultLogin::AppRole { mount: mount?, role_id, secret_id_file: secret_id_file? })
    } else if table.take("token_file").is_some() {
        file(table, "token_file", None).map(VaultLogin::Token)
    } else {
        let help = "write `token_file`, or `role` for Kubernetes authentication, or `role_id` and \
            `secret_id_file` for AppRole";
        at.refuse(Code::MissingKey, "does not say how to sign in there", Some(help));
        None
    }
}

/// `{ key_vault = "https://…", name = "…", … }`.
pub(super) fn key_vault(vault: &Item<'_, '_>, table: &Table<'_, '_>) -> Option<KeyVault> {
    let name = table.require("name").and_then(|item| {
        let text = item.string()?;
        let is_good = (1..=127).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_good {
            item.refuse(Code::InvalidValue, "is letters, digits and hyphens, 127 at most", None);
        }
        is_good.then_some(text)
    });
    let login = azure_login(vault, table);
    Some(KeyVault { vault: checked(vault)?, name: name?, login: login? })
}

fn azure_login(at: &Item<'_, '_>, table: &Table<'_, '_>) -> Option<AzureLogin> {
    let client_id = table.take("client_id").map(|item| word(&item));
    let is_managed = table.take("managed_identity").is_some_and(|it| it.boolean() == Some(true));
    if is_managed {
        let client_id = client_id.map_or(Some(None), |it| it.map(Some))?;
        return Some(AzureLogin::ManagedIdentity { client_id });
    }
    let authority = address(table, "authority", Some("https://login.microsoftonline.com"));
    let tenant = table.take("tenant").map(|item| word(&item));
    let secret = optional_file(table, "client_secret_file");
    let assertion = optional_file(table, "client_assertion_file");
    let proof = match (secret?, assertion?) {
        (Some(secret), None) => Some(AzureProof::Secret(secret)),
        (None, Some(assertion)) => Some(AzureProof::Assertion(assertion)),
        _ => None,
    };
    let (Some(client_id), Some(tenant), Some(proof)) = (client_id, tenant, proof) else {
        let help = "write `managed_identity = true`, or `tenant`, `client_id` and either \
            `client_secret_file` or `client_assertion_file`";
        at.refuse(Code::MissingKey, "does not say how to sign in there", Some(help));
        return None;
    };
    Some(AzureLogin::Application {
        authority: authority?,
        tenant: tenant?,
        client_id: client_id?,
        proof,
    })
}

fn address(table: &Table<'_, '_>, key: &'static str, usual: Option<&str>) -> Option<String> {
    match table.take(key) {
        Some(item) => checked(&item),
        None => usual.map(str::to_owned),
    }
}

fn checked(item: &Item<'_, '_>) -> Option<String> {
    let text = item.string()?;
    match list::safe_url(&text) {
        Ok(()) if !text.contains(['?', '#']) => Some(text),
        outcome => {
            let why = outcome.err().unwrap_or_else(|| "it has a query".to_owned());
            item.refuse(Code::InvalidValue, &format!("is no server's address: {why}"), None);
            None
        }
    }
}

fn file(table: &Table<'_, '_>, key: &'static str, usual: Option<PathBuf>) -> Option<PathBuf> {
    let item = if usual.is_some() { table.take(key) } else { table.require(key) };
    let Some(item) = item else { return usual };
    let text = item.string()?;
    if !text.starts_with('/') || text.ends_with('/') {
        item.refuse(Code::InvalidValue, "is a file's whole path", None);
        return None;
    }
    Some(text.into())
}

#[expect(clippy::option_option, reason = "what is wrong, what is not there, what is")]
fn optional_file(table: &Table<'_, '_>, key: &'static str) -> Option<Option<PathBuf>> {
    if table.take(key).is_none() { Some(None) } else { file(table, key, None).map(Some) }
}

/// A path of words between slashes, each as it may stand in an address.
fn path(table: &Table<'_, '_>, key: &'static str, usual: Option<&str>) -> Option<String> {
    let item = if usual.is_some() { table.take(key) } else { table.require(key) };
    let Some(item) = item else { return usual.map(str::to_owned) };
    let text = item.string()?;
    let is_good = text.split('/').all(|part| !matches!(part, "" | "." | "..") && is_plain(part));
    if !is_good {
        let why = "is words of letters, digits, `-`, `_` and `.` between slashes";
        item.refuse(Code::InvalidValue, why, None);
    }
    is_good.then_some(text)
}

fn word(item: &Item<'_, '_>) -> Option<String> {
    let text = item.string()?;
    let is_good = !text.is_empty() && is_plain(&text);
    if !is_good {
        item.refuse(Code::InvalidValue, "is letters, digits, `-`, `_` and `.`", None);
    }
    is_good.then_some(text)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A name as Kubernetes has them (RFC 1123): lower-case letters, digits, hyphens and dots.
fn is_dns_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=253).contains(&bytes.len())
        && bytes.iter().all(|byte| is_inner(*byte) || b"-.".contains(byte))
        && is_inner(bytes[0])
        && is_inner(bytes[bytes.len() - 1])
        && !text.contains("..")
}
