//! Which files sinks reach: what is written, and what signing in to other machines reads.

use super::directory_of;
use crate::config::{AzureLogin, AzureProof, Sink, VaultLogin};
use std::path::{Path, PathBuf};

/// The directories that sinks write in.
pub(super) fn writes(sinks: &[Sink]) -> Vec<PathBuf> {
    let file = |sink: &Sink| match sink {
        Sink::File { path, .. } => Some(directory_of(path)),
        _ => None,
    };
    sinks.iter().filter_map(file).collect()
}

/// The directories of the secrets and certificates that they read.
pub(super) fn reads(sinks: &[Sink]) -> Vec<PathBuf> {
    sinks.iter().flat_map(of_sink).map(directory_of).collect()
}

fn of_sink(sink: &Sink) -> Vec<&Path> {
    let files: Vec<&PathBuf> = match sink {
        Sink::File { .. } => Vec::new(),
        Sink::Kubernetes(secret) => vec![&secret.token_file, &secret.ca_file],
        Sink::Vault(vault) => {
            let proof = match &vault.login {
                VaultLogin::Token(file)
                | VaultLogin::Kubernetes { token_file: file, .. }
                | VaultLogin::AppRole { secret_id_file: file, .. } => file,
            };
            vault.ca_file.iter().chain([proof]).collect()
        }
        Sink::KeyVault(vault) => match &vault.login {
            AzureLogin::Application {
                proof: AzureProof::Secret(file) | AzureProof::Assertion(file),
                ..
            } => vec![file],
            AzureLogin::ManagedIdentity { .. } => Vec::new(),
        },
    };
    files.into_iter().map(PathBuf::as_path).collect()
}
