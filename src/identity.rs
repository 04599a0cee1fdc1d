//! Bringing to an authority what is written in files and what issuers say, and keeping it new.
//!
//! Owns reading and following the file of API keys, secrets and key sets, and asking issuers. Does
//! not own what a key means (`access`). All of it runs on the main thread; those that serve only
//! look at what is known.

mod ask;
mod file;
mod issuer;

use crate::{
    access::{Authority, keyring},
    config::KeySource,
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    event::{Event, Observer},
};
use file::Followed;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// How often files are looked at. A look costs one system call.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reads the files that the authority stands on, so that a mistake is told before anything is
/// served. Issuers are not asked: they may be away.
///
/// # Errors
/// Every file that cannot be read, and everything that is wrong with them.
pub fn load(authority: &Authority) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::new();
    if let Some(path) = &authority.settings().keys_file {
        match read_keys(path, authority) {
            Ok(_) => {}
            Err(diagnostics) => found.append(diagnostics),
        }
    }
    for one in authority.issuers() {
        let outcome = match &one.settings.keys {
            KeySource::Discovery | KeySource::Url(_) => continue,
            KeySource::File(path) | KeySource::Secret(path) => issuer::read(one, path),
        };
        if let Err(why) = outcome {
            let message = format!("the keys of issuer `{}` cannot be read: {why}", one.name);
            found.push(
                Diagnostic::error(Code::Unreadable, message)
                    .help("`keys` names a file with a key set, or `secret:` and a file"),
            );
        }
    }
    found.into_result(Some(())).map(|_| ())
}

fn read_keys(path: &Path, authority: &Authority) -> Result<usize, Diagnostics> {
    let bytes = file::read(path).map_err(|why| {
        let message = format!("the API keys {} cannot be read: {why}", path.display());
        Diagnostic::error(Code::Unreadable, message)
            .help("`auth.keys_file` names a file; `howdah key new --file` makes one")
    })?;
    let source = SourceFile::from_bytes(path, bytes).map_err(Diagnostics::from)?;
    let keyring = keyring::read(&source, Some(&authority.settings().roles))?;
    let count = keyring.len();
    authority.replace_keys(keyring);
    Ok(count)
}

/// Keeps an authority new until it is dropped.
pub struct Follower {
    authority: Arc<Authority>,
    tasks: Vec<JoinHandle<()>>,
}

impl Follower {
    /// Follows files and asks issuers from now on. Must run within a `LocalSet`.
    pub fn start(authority: &Arc<Authority>, observer: &Observer) -> Self {
        let mut tasks = Vec::new();
        if authority.settings().keys_file.is_some() {
            let (authority, observer) = (Arc::clone(authority), Arc::clone(observer));
            tasks.push(tokio::task::spawn_local(async move {
                follow_keys(&authority, &observer).await;
            }));
        }
        for number in 0..authority.issuers().len() {
            let (authority, observer) = (Arc::clone(authority), Arc::clone(observer));
            tasks.push(tokio::task::spawn_local(async move {
                let Some(one) = authority.issuers().get(number) else { return };
                issuer::follow(one, &observer).await;
            }));
        }
        Self { authority: Arc::clone(authority), tasks }
    }

    /// Whether it is this authority that is kept new.
    pub fn follows(&self, authority: &Arc<Authority>) -> bool {
        Arc::ptr_eq(&self.authority, authority)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn follow_keys(authority: &Authority, observer: &Observer) {
    let Some(path) = &authority.settings().keys_file else { return };
    let mut followed = Followed::new(path);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if !followed.has_changed() {
            continue;
        }
        match read_keys(path, authority) {
            Ok(keys) => observer(&Event::KeysRead { keys }),
            Err(diagnostics) => {
                // The message names the rule that is broken, never what stands in the file.
                let reason = diagnostics.iter().next().map_or("it is wrong", |it| it.message());
                observer(&Event::KeysRefused { reason });
            }
        }
    }
}
