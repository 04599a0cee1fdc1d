//! Secrets at rest: sealing them into files, and opening files that are sealed.
//!
//! Owns the formats (`age`, and OpenPGP for opening), the keys and passphrases that open them, and
//! where an opened secret goes: a file of its owner alone, or Podman's secret store. A sealed file is
//! read as a whole and checked as a whole before a byte of it leaves, so nobody acts on half a
//! secret or on one that was tampered with. Does not own the flags that say all this (`cli`), nor
//! what a secret is for.

#[cfg(feature = "full")]
mod age;
#[cfg(feature = "full")]
mod key;
#[cfg(feature = "full")]
mod open;
#[cfg(feature = "full")]
mod openpgp;
#[cfg(feature = "full")]
mod packets;
#[cfg(feature = "full")]
mod passphrase;
#[cfg(feature = "full")]
mod place;
#[cfg(feature = "full")]
mod podman;
mod recipients;
#[cfg(feature = "full")]
mod terminal;

#[cfg(feature = "full")]
pub use self::{
    age::{new_identity, seal_with},
    key::{KeyFile, warning},
    open::open,
    passphrase::Passphrase,
    place::{Place, write},
    podman::store,
};
pub use recipients::{Recipients, seal};

use crate::{
    diagnostic::{Code, Diagnostic},
    secret::SecretBytes,
};
use std::{io::Read, path::Path};
use zeroize::Zeroizing;

/// The largest secret, in bytes. A secret is a password, a key or a certificate, and is in memory as
/// a whole.
pub const MAX_SECRET_BYTES: usize = 1024 * 1024;

/// The largest sealed file, in bytes: the largest secret in base64, with room for its head.
pub const MAX_SEALED_BYTES: usize = 2 * 1024 * 1024;

/// A mistake about `file`, as `<file> <what>`.
fn refuse(file: &str, what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(Code::Sealed, format!("{file} {what}"))
}

/// Reads at most `limit` bytes of `source`, which people know as `shown`.
///
/// # Errors
/// It cannot be read, or is larger.
pub fn read(source: impl Read, shown: &str, limit: usize) -> Result<SecretBytes, Box<Diagnostic>> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|error| {
        Diagnostic::error(Code::Machine, format!("{shown} cannot be read: {error}")).boxed()
    })?;
    if bytes.len() > limit {
        return Err(refuse(shown, format_args!("is too large: at most {limit} bytes are taken"))
            .help(
                "a secret is a password, a key or a certificate; for more, use a program for files",
            )
            .boxed());
    }
    Ok(SecretBytes::new(bytes))
}

/// Reads the file at `path`, of at most `limit` bytes.
///
/// # Errors
/// It cannot be read, or is larger.
pub fn read_file(path: &Path, limit: usize) -> Result<SecretBytes, Box<Diagnostic>> {
    let shown = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|error| {
        Diagnostic::error(Code::Machine, format!("{shown} cannot be read: {error}")).boxed()
    })?;
    read(file, &shown, limit)
}

#[cfg(test)]
#[cfg(feature = "full")]
mod tests;
