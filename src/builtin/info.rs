//! `info`: what this process is, and the words `{user}`, `{hostname}`, `{version}`, `{confinement}`
//! and `{now}`.
//!
//! Owns facts about the process that a caller may know. Does not own what the kernel enforces
//! (`hardening`): the confinement told here is who it runs as and where.

mod clock;
mod container;

pub use clock::iso_8601;

use rustix::{process, system};
use serde_json::{Value, json};
use std::{borrow::Cow, ffi::OsStr, fs::File, io::Read, path::Path, time::SystemTime};

/// The runtime and its version.
pub const RUNTIME: &str = concat!("howdah ", env!("CARGO_PKG_VERSION"));

/// The most of a system file that is read.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What is true of this process as long as it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The user it runs as: `USER`, else the account's name, else its number.
    pub user: String,
    /// The host it runs on: `HOSTNAME`, else the kernel's name for it.
    pub hostname: String,
    /// The service's version, from its manifest.
    pub version: String,
    /// Whether its effective user is root.
    pub is_root: bool,
    /// Whether it runs in a container.
    pub is_contained: bool,
}

/// Where facts come from: this machine, or a test.
trait Surroundings {
    /// A variable of the environment, when it is set, not empty and UTF-8.
    fn variable(&self, name: &str) -> Option<String>;
    /// A file's text, when it can be read.
    fn file(&self, path: &str) -> Option<String>;
    /// Whether there is something at the path.
    fn exists(&self, path: &str) -> bool;
    /// The number of the effective user.
    fn user_id(&self) -> u32;
    /// The kernel's name for the host.
    fn node_name(&self) -> String;
}

struct Machine;

impl Surroundings for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(OsStr::new(name)).ok().filter(|value| !value.is_empty())
    }

    fn file(&self, path: &str) -> Option<String> {
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(MAX_FILE_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn user_id(&self) -> u32 {
        process::geteuid().as_raw()
    }

    fn node_name(&self) -> String {
        system::uname().nodename().to_string_lossy().into_owned()
    }
}

impl Facts {
    /// Gathers the facts of this process, for a service of this version. Once, at start, before a
    /// sandbox hides the files that tell.
    pub fn gather(version: &str) -> Self {
        Self::from_surroundings(&Machine, version)
    }

    fn from_surroundings(surroundings: &impl Surroundings, version: &str) -> Self {
        let id = surroundings.user_id();
        let user = surroundings.variable("USER").unwrap_or_else(|| {
            surroundings
                .file("/etc/passwd")
                .and_then(|accounts| account_name(&accounts, id))
                .unwrap_or_else(|| id.to_string())
        });
        Self {
            user,
            hostname: surroundings.variable("HOSTNAME").unwrap_or_else(|| surroundings.node_name()),
            version: version.to_owned(),
            is_root: id == 0,
            is_contained: container::is_contained(surroundings),
        }
    }

    /// A sentence that says how the process is confined, and says no more than is true.
    pub fn confinement(&self) -> &'static str {
        match (self.is_root, self.is_contained) {
            (false, true) => "This app runs with non-root user in container",
            (false, false) => "This app runs with non-root user, not in a container",
            (true, true) => "This app runs as root in a container",
            (true, false) => "This app runs as root, not in a container",
        }
    }

    /// The value of a placeholder that every body may use; nothing when it is none of them.
    pub fn word(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match name {
            "now" => iso_8601(SystemTime::now()).into(),
            "hostname" => self.hostname.as_str().into(),
            "user" => self.user.as_str().into(),
            "version" => self.version.as_str().into(),
            "confinement" => self.confinement().into(),
            _ => return None,
        })
    }

    /// The answer of `tool = "info"`: `user`, `container_id` (the host's name), `version` (the
    /// service's) and `runtime_version`.
    pub fn to_json(&self) -> Value {
        json!({
            "user": self.user,
            "container_id": self.hostname,
            "version": self.version,
            "runtime_version": RUNTIME,
        })
    }
}

/// The name of the account with this number, from the text of `/etc/passwd` (`passwd(5)`).
fn account_name(accounts: &str, id: u32) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let number = fields.nth(1)?;
        (number.parse() == Ok(id)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests;
