//! Secrets at rest: sealing them into files, and opening files that are sealed.
//!
//! Owns the formats (`age`, and OpenPGP for opening), the keys and passphrases that open them, and
//! where an opened secret goes: a file of its owner alone, or Podman's secret store. A sealed file is
//! read as a whole and checked as a whole before a byte of it leaves, so nobody acts on half a
//! secret or on one that was tampered with. Does not own the flags that say all this (`cli`), nor
//! what a secret is for.

mod age;
mod key;
mod openpgp;
mod packets;
mod passphrase;
mod place;
mod podman;
mod terminal;

pub use age::{Recipients, new_identity, seal, seal_with};
pub use key::{KeyFile, warning};
pub use passphrase::Passphrase;
pub use place::{Place, write};
pub use podman::store;

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

/// How a file is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Age,
    AgeArmored,
    OpenPgp,
    OpenPgpArmored,
}

const AGE: &[u8] = b"age-encryption.org/";
const AGE_ARMOR: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const AGE_ARMOR_END: &str = "-----END AGE ENCRYPTED FILE-----";
const PGP_ARMOR: &str = "-----BEGIN PGP MESSAGE-----";
const PGP_ARMOR_END: &str = "-----END PGP MESSAGE-----";

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

/// Opens what is sealed in `sealed`, known to people as `shown`, with the first of `keys` that fits,
/// or with the passphrase, which is asked for only when it is needed.
///
/// # Errors
/// It is not sealed in a format that is known, is damaged or cut short, or is for another key or
/// passphrase. Nothing of the secret is in the error.
pub fn open(
    sealed: &SecretBytes,
    shown: &str,
    keys: &[KeyFile],
    passphrase: &Passphrase,
) -> Result<SecretBytes, Box<Diagnostic>> {
    let bytes = sealed.expose();
    match format(bytes, shown)? {
        Format::Age => age::open(bytes, shown, keys, passphrase),
        Format::AgeArmored => {
            whole(bytes, AGE_ARMOR_END, shown)?;
            age::open_armored(bytes, shown, keys, passphrase)
        }
        Format::OpenPgp => openpgp::open(bytes, shown, keys, passphrase),
        Format::OpenPgpArmored => {
            whole(bytes, PGP_ARMOR_END, shown)?;
            let bytes = openpgp::without_armor(bytes, shown)?;
            openpgp::open(&bytes, shown, keys, passphrase)
        }
    }
}

/// How `bytes` are sealed, by what they begin with.
fn format(bytes: &[u8], shown: &str) -> Result<Format, Box<Diagnostic>> {
    let text = bytes.trim_ascii_start();
    let begins = |with: &str| text.starts_with(with.as_bytes());
    if text.is_empty() {
        Err(refuse(shown, "is empty").boxed())
    } else if bytes.starts_with(AGE) {
        Ok(Format::Age)
    } else if begins(AGE_ARMOR) {
        Ok(Format::AgeArmored)
    } else if begins(PGP_ARMOR) {
        Ok(Format::OpenPgpArmored)
    } else if begins("-----BEGIN PGP") {
        Err(refuse(shown, "is an OpenPGP key or signature, and no sealed message").boxed())
    } else if packets::begins_message(bytes) {
        Ok(Format::OpenPgp)
    } else {
        let help = "it would begin with `age-encryption.org/`, `-----BEGIN AGE ENCRYPTED FILE-----`, \
                    `-----BEGIN PGP MESSAGE-----`, or an OpenPGP packet";
        Err(refuse(shown, "is neither an age file nor an OpenPGP message").help(help).boxed())
    }
}

/// Whether armored text has its last line.
fn whole(bytes: &[u8], end: &str, shown: &str) -> Result<(), Box<Diagnostic>> {
    if bytes.windows(end.len()).any(|it| it == end.as_bytes()) {
        Ok(())
    } else {
        Err(cut_short(shown))
    }
}

fn cut_short(shown: &str) -> Box<Diagnostic> {
    refuse(shown, "is cut short: its end is missing").help("get the file again").boxed()
}

fn damaged(shown: &str, what: &str) -> Box<Diagnostic> {
    refuse(shown, format_args!("is damaged: {what}"))
        .help("nothing of it was used; get the file again")
        .boxed()
}

#[cfg(test)]
mod tests;
