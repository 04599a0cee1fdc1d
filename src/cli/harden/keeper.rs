//! What `keeper` needs: its own secrets, and the places where credentials and checkpoints go.

use super::{behind_link, certificates, directory_of, of_database, of_issuers, sinks, writes};
use crate::{
    config::{Config, Keeper},
    hardening::{Needs, Process, User},
    startup::{self, Folder},
};
use std::path::{Path, PathBuf};

/// What `keeper` needs.
pub(in crate::cli) fn keeper(
    folder: &Folder,
    config: &Config,
    user: Option<User>,
    ready_file: Option<&Path>,
) -> Needs {
    let listener = config.keeper.as_ref().map(|it| &it.listen);
    let mut places = writes(listener.into_iter(), ready_file);
    places.extend(config.audit.files.iter().map(|file| directory_of(file)));
    if let Some(credentials) = &config.credentials {
        places.extend(sinks::writes(&credentials.sinks));
        places.extend(sinks::writes(&credentials.keeper_sinks));
        let own = config.keeper.as_ref().filter(|_| credentials.keeper_sinks.is_empty());
        places.extend(own.into_iter().flat_map(own_file));
    }
    Needs {
        process: Process::Keeper,
        user,
        reads: reads(folder, config),
        writes: places,
        raw_sockets: false,
        confines_files: config.hardening.files,
        filters_calls: config.hardening.system_calls,
    }
}

/// Where its own credential is: as it is named, and where that leads to.
fn own_file(keeper: &Keeper) -> Vec<PathBuf> {
    let file = startup::credential_file(&keeper.credential);
    let target = file.canonicalize().ok().map(|it| directory_of(&it));
    [directory_of(&file)].into_iter().chain(target).collect()
}

fn reads(folder: &Folder, config: &Config) -> Vec<PathBuf> {
    let mut reads = vec![folder.directory.clone()];
    reads.extend(behind_link(&folder.directory));
    // Witnesses, vaults, issuers and receivers are known by these.
    reads.extend(certificates());
    reads.extend(config.database.iter().flat_map(of_database));
    reads.extend(config.audit.key_file.as_deref().map(directory_of));
    reads.extend(of_issuers(config.access_issuers.values().map(|it| &it.keys)));
    reads.extend(config.webhook.as_ref().map(|it| directory_of(&it.secret_file)));
    if let Some(keeper) = &config.keeper {
        reads.push(keeper.credential.clone());
        reads.extend(own_file(keeper));
        reads.push(directory_of(&keeper.key_file));
    }
    if let Some(credentials) = &config.credentials {
        reads.extend(sinks::reads(&credentials.sinks));
        reads.extend(sinks::reads(&credentials.keeper_sinks));
    }
    reads
}
