//! Files of keys that open: `age` identities, and OpenPGP secret keys.

use super::{
    MAX_SEALED_BYTES, Passphrase,
    open::{Format, format, open},
    read_file, recipients, refuse,
};
use crate::{
    diagnostic::{Code, Diagnostic},
    secret::SecretBytes,
};
use ::age::x25519;
use pgp::composed::{Deserializable, SignedSecretKey};
use std::{os::unix::fs::MetadataExt, path::Path};

/// What a file of keys holds.
pub(super) enum Keys {
    Age(Vec<x25519::Identity>),
    OpenPgp(Vec<SignedSecretKey>),
}

/// A file of keys, by the name that people know.
pub struct KeyFile {
    pub(super) shown: String,
    pub(super) keys: Keys,
}

impl KeyFile {
    /// Reads the keys in the file at `path`. One of `age` may itself be sealed with a passphrase.
    ///
    /// # Errors
    /// It cannot be read, or holds something else.
    pub fn read(path: &Path, passphrase: &Passphrase) -> Result<Self, Box<Diagnostic>> {
        let shown = path.display().to_string();
        let bytes = read_file(path, MAX_SEALED_BYTES)?;
        let keys = match format(bytes.expose(), &shown) {
            Ok(Format::Age | Format::AgeArmored) => {
                identities(&open(&bytes, &shown, &[], passphrase)?, &shown)?
            }
            _ => keys(&bytes, &shown)?,
        };
        Ok(Self { shown, keys })
    }

    /// Whom these keys can open files for, as `age1…`; nobody, for OpenPGP.
    pub fn recipients(&self) -> Vec<String> {
        self.identities().iter().map(|it| it.to_public().to_string()).collect()
    }

    pub(super) fn identities(&self) -> &[x25519::Identity] {
        match &self.keys {
            Keys::Age(identities) => identities,
            Keys::OpenPgp(_) => &[],
        }
    }

    pub(super) fn openpgp(&self) -> &[SignedSecretKey] {
        match &self.keys {
            Keys::OpenPgp(keys) => keys,
            Keys::Age(_) => &[],
        }
    }
}

/// A warning when others may read the file of keys at `path`.
pub fn warning(path: &Path) -> Option<Diagnostic> {
    let mode = std::fs::metadata(path).ok()?.mode() & 0o7777;
    (mode & 0o077 != 0).then(|| {
        let shown = path.display();
        Diagnostic::warning(
            Code::Sealed,
            format!("others may read the key in {shown} ({mode:04o})"),
        )
        .help(format!("chmod 0400 {shown}"))
    })
}

fn keys(bytes: &SecretBytes, shown: &str) -> Result<Keys, Box<Diagnostic>> {
    let content = bytes.expose();
    let holds = |marker: &str| content.windows(marker.len()).any(|it| it == marker.as_bytes());
    if holds("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
        let help = "gpg --export-secret-keys writes the secret key";
        Err(refuse(shown, "is a public OpenPGP key; opening takes the secret one")
            .help(help)
            .boxed())
    } else if holds("-----BEGIN PGP PRIVATE KEY BLOCK-----")
        || content.first().is_some_and(|it| it & 0x80 != 0)
    {
        openpgp(content, shown)
    } else if holds(" PRIVATE KEY-----") {
        let help = "take an age identity (howdah secret key), or an OpenPGP secret key";
        Err(refuse(shown, "is a key of SSH or TLS, which does not open sealed files")
            .help(help)
            .boxed())
    } else {
        identities(bytes, shown)
    }
}

fn openpgp(content: &[u8], shown: &str) -> Result<Keys, Box<Diagnostic>> {
    let broken = |why: String| {
        refuse(shown, format_args!("is no OpenPGP secret key that can be read: {why}"))
            .help("gpg --export-secret-keys writes one")
            .boxed()
    };
    let (found, _) =
        SignedSecretKey::from_reader_many(content).map_err(|error| broken(error.to_string()))?;
    let keys: Result<Vec<_>, _> = found.collect();
    let keys = keys.map_err(|error| broken(error.to_string()))?;
    if keys.is_empty() {
        return Err(broken("there is none in it".to_owned()));
    }
    Ok(Keys::OpenPgp(keys))
}

fn identities(bytes: &SecretBytes, shown: &str) -> Result<Keys, Box<Diagnostic>> {
    let text = std::str::from_utf8(bytes.expose())
        .map_err(|_| refuse(shown, "is neither an age identity nor an OpenPGP key").boxed())?;
    let mut identities = Vec::new();
    for (number, line) in recipients::lines(text) {
        identities.push(line.parse::<x25519::Identity>().map_err(|_| {
            let what = if line.starts_with("AGE-PLUGIN-") {
                "is an identity of a plug-in; these are not supported"
            } else {
                "is no age identity (AGE-SECRET-KEY-1…)"
            };
            // What stands there may be a secret all the same.
            refuse(shown, format_args!("has on line {number} what {what}")).boxed()
        })?);
    }
    if identities.is_empty() {
        return Err(refuse(shown, "has no key in it").boxed());
    }
    Ok(Keys::Age(identities))
}
