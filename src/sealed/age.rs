//! Opening the `age` format (<https://age-encryption.org/v1>): with an X25519 identity, or the one
//! passphrase, which is what is sealed with here, too.

use super::{
    KeyFile, MAX_SECRET_BYTES, Passphrase, Recipients,
    open::{cut_short, damaged},
    read,
    recipients::wrap,
    refuse,
};
use crate::{
    diagnostic::{Code, Diagnostic},
    secret::{Secret, SecretBytes},
};
use ::age::{
    DecryptError, Decryptor, Identity, Recipient,
    armor::ArmoredReader,
    scrypt,
    secrecy::{ExposeSecret, SecretString},
    x25519,
};
use std::{
    io::{self, Read},
    time::SystemTime,
};
use zeroize::Zeroizing;

/// The work of a passphrase as the `age` program asks for it: scrypt with N = 2^18, a quarter of a
/// gigabyte and about a second.
const WORK: u8 = 18;

/// The most work that a file may ask for, as with the `age` program: four gigabytes.
const MAX_WORK: u8 = 22;

impl Recipients {
    /// Adds those that the keys in a file can open for.
    ///
    /// # Errors
    /// They are OpenPGP's, which files are not sealed to.
    pub fn add_key(&mut self, file: &KeyFile) -> Result<(), Box<Diagnostic>> {
        if file.identities().is_empty() {
            let what = "is an OpenPGP key; files are sealed in the age format";
            let help = "howdah secret key makes an age identity";
            return Err(refuse(&file.shown, what).help(help).boxed());
        }
        self.0.extend(file.identities().iter().map(x25519::Identity::to_public));
        Ok(())
    }
}

/// Seals `secret` with a passphrase, which is asked for.
///
/// # Errors
/// There is no passphrase.
pub fn seal_with(
    secret: &SecretBytes,
    passphrase: &Passphrase,
    armored: bool,
) -> Result<Vec<u8>, Box<Diagnostic>> {
    let passphrase = passphrase.choose("a new passphrase")?;
    let mut recipient = scrypt::Recipient::new(secrecy(&passphrase));
    recipient.set_work_factor(WORK);
    wrap(std::iter::once(&recipient as &dyn Recipient), secret, armored)
}

fn secrecy(passphrase: &Secret) -> SecretString {
    SecretString::from(passphrase.expose().to_owned())
}

/// A new identity as a file's text, and its recipient.
pub fn new_identity() -> (SecretBytes, String) {
    let identity = x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let created = humantime::format_rfc3339_seconds(SystemTime::now());
    let secret = identity.to_string();
    let mut text = Zeroizing::new(Vec::with_capacity(512));
    for part in [
        "# created: ",
        &created.to_string(),
        "\n# public key: ",
        &recipient,
        "\n",
        secret.expose_secret(),
        "\n",
    ] {
        text.extend_from_slice(part.as_bytes());
    }
    (SecretBytes::new(text), recipient)
}

/// Opens what is sealed in armored text.
pub(super) fn open_armored(
    sealed: &[u8],
    shown: &str,
    keys: &[KeyFile],
    passphrase: &Passphrase,
) -> Result<SecretBytes, Box<Diagnostic>> {
    open_from(ArmoredReader::new(sealed), shown, keys, passphrase)
}

/// Opens what is sealed in a binary file.
pub(super) fn open(
    sealed: &[u8],
    shown: &str,
    keys: &[KeyFile],
    passphrase: &Passphrase,
) -> Result<SecretBytes, Box<Diagnostic>> {
    open_from(sealed, shown, keys, passphrase)
}

fn open_from(
    sealed: impl Read,
    shown: &str,
    keys: &[KeyFile],
    passphrase: &Passphrase,
) -> Result<SecretBytes, Box<Diagnostic>> {
    let decryptor = Decryptor::new(sealed).map_err(|error| broken(&error, shown))?;
    let reader = if decryptor.is_scrypt() {
        let passphrase = passphrase.ask(&format!("the passphrase of {shown}"))?;
        let mut identity = scrypt::Identity::new(secrecy(&passphrase));
        identity.set_max_work_factor(MAX_WORK);
        decryptor.decrypt(std::iter::once(&identity as &dyn Identity)).map_err(
            |error| match error {
                DecryptError::DecryptionFailed
                | DecryptError::KeyDecryptionFailed
                | DecryptError::NoMatchingKeys => refuse(shown, "has another passphrase").boxed(),
                DecryptError::ExcessiveWork { required, .. } => refuse(
                    shown,
                    format_args!(
                        "asks for too much work: 2^{required} steps, and 2^{MAX_WORK} are allowed"
                    ),
                )
                .boxed(),
                error => broken(&error, shown),
            },
        )?
    } else {
        let identities = || keys.iter().flat_map(KeyFile::identities);
        if identities().next().is_none() {
            let what = "is sealed to age recipients; an identity of one of them opens it";
            return Err(refuse(shown, what).help("name the identity's file with --key").boxed());
        }
        decryptor.decrypt(identities().map(|it| it as &dyn Identity)).map_err(
            |error| match error {
                DecryptError::NoMatchingKeys => {
                    let count = identities().count();
                    let what =
                        format_args!("is for another key: none of the {count} given opens it");
                    refuse(shown, what).boxed()
                }
                error => broken(&error, shown),
            },
        )?
    };
    read(reader, shown, MAX_SECRET_BYTES).map_err(|error| {
        // What the payload's own checks say is about the file, not about the machine.
        if error.code() == Code::Machine {
            damaged(shown, "its content fails the check, or is cut short")
        } else {
            error
        }
    })
}

/// What is wrong with a file's head.
fn broken(error: &DecryptError, shown: &str) -> Box<Diagnostic> {
    match error {
        DecryptError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => cut_short(shown),
        DecryptError::Io(_) => damaged(shown, "its text is no base64 of an age file"),
        DecryptError::UnknownFormat => {
            refuse(shown, "is of a version of age that is not known here").boxed()
        }
        _ => damaged(shown, "its head fails the check"),
    }
}
