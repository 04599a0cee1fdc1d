//! Where a credential is published: one trait, which every kind of place passes the same tests of.
//!
//! What is asked of a sink:
//! - It holds one credential or none, and a reader sees all of it or the one before.
//! - It never takes a generation that is lower than the one it has, and of two writers at once one
//!   wins and the other is told.
//! - A failure says whether the credential may have got there all the same.

mod exchange;
mod file;
mod key_vault;
mod kubernetes;
mod remote;
mod vault;

pub use file::File;

use crate::{config, credential::Credential};
use remote::Remote;
use std::{fmt, future::Future, pin::Pin};

/// What comes of it later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Why a sink did not take or give a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It has a higher generation, or another writer's of the same.
    Overtaken(u64),
    /// It did not happen.
    Refused(String),
    /// It may have happened: the connection broke, or there was no answer in time.
    Unsure(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overtaken(generation) => write!(formatter, "it has generation {generation}"),
            Self::Refused(why) | Self::Unsure(why) => formatter.write_str(why),
        }
    }
}

/// A place that a credential is published to.
pub trait Sink {
    /// What it is, for messages: `file /run/howdah/credential.json`.
    fn name(&self) -> String;

    /// Whether its readers see a new credential at once, so that who has not adopted it can be told
    /// from the sessions of the database alone.
    fn is_immediate(&self) -> bool {
        false
    }

    /// The credential that it has.
    fn read(&self) -> Later<'_, Result<Option<Credential>, Failure>>;

    /// Gives it `credential`. It is no failure when it has that one already.
    fn publish<'a>(&'a self, credential: &'a Credential) -> Later<'a, Result<(), Failure>>;
}

/// The sinks of the manifest.
///
/// # Errors
/// Which one cannot be opened, and why.
pub fn open(sinks: &[config::Sink]) -> Result<Vec<Box<dyn Sink>>, String> {
    sinks.iter().map(open_one).collect()
}

fn open_one(sink: &config::Sink) -> Result<Box<dyn Sink>, String> {
    Ok(match sink {
        config::Sink::File { path, mode } => Box::new(File::new(path.clone(), *mode)),
        config::Sink::Kubernetes(secret) => Box::new(Remote(kubernetes::Secret::new(secret)?)),
        config::Sink::Vault(vault) => Box::new(Remote(vault::Vault::new(vault)?)),
        config::Sink::KeyVault(vault) => Box::new(Remote(key_vault::KeyVault::new(vault)?)),
    })
}

/// What to make of the credential that a sink has, when `new` is to be published: whether there is
/// something to write.
///
/// # Errors
/// When it has a higher generation, or another credential of the same.
fn is_news(has: Option<&Credential>, new: &Credential) -> Result<bool, Failure> {
    match has {
        Some(has) if has == new => Ok(false),
        Some(has) if has.generation >= new.generation => Err(Failure::Overtaken(has.generation)),
        _ => Ok(true),
    }
}
