//! OpenPGP messages (RFC 9580) as GnuPG writes them: opened with a secret key or a passphrase.
//!
//! Data with a modification detection code and both kinds of AEAD, GnuPG's own one, too. Data
//! without any check is refused: whoever carried the file could have changed it. Signatures within
//! are not judged.

use super::{
    KeyFile, MAX_SEALED_BYTES, MAX_SECRET_BYTES, Passphrase,
    open::{cut_short, damaged},
    packets, refuse,
};
use crate::{
    diagnostic::Diagnostic,
    secret::{Secret, SecretBytes},
};
use pgp::{
    armor::Dearmor,
    composed::{DecryptionOptions, Edata, Esk, Message, SignedSecretKey, TheRing},
    errors::Error,
    packet::PublicKeyEncryptedSessionKey,
    types::{KeyDetails, KeyId, Password},
};
use std::io::{Cursor, Read};
use zeroize::Zeroizing;

/// How many layers of compression a message may have. Programs write one.
const MAX_LAYERS: usize = 4;

/// The packets in armored text.
pub(super) fn without_armor(text: &[u8], shown: &str) -> Result<Vec<u8>, Box<Diagnostic>> {
    let mut bytes = Vec::new();
    let read = Dearmor::new(text).take(MAX_SEALED_BYTES as u64).read_to_end(&mut bytes);
    read.map_err(|_| damaged(shown, "its text is no base64 of an OpenPGP message"))?;
    Ok(bytes)
}

/// Opens the message in `bytes`.
pub(super) fn open(
    bytes: &[u8],
    shown: &str,
    keys: &[KeyFile],
    passphrase: &Passphrase,
) -> Result<SecretBytes, Box<Diagnostic>> {
    packets::check(bytes).map_err(|broken| match broken {
        packets::Broken::CutShort => cut_short(shown),
        packets::Broken::NoPacket => damaged(shown, "it is no sequence of OpenPGP packets"),
    })?;
    let message = Message::from_bytes(Cursor::new(bytes.to_vec()))
        .map_err(|_| damaged(shown, "its packets cannot be read"))?;
    let Message::Encrypted { esk, edata, .. } = &message else {
        return Err(refuse(shown, "is not sealed: everybody can read it").boxed());
    };
    if matches!(edata, Edata::SymEncryptedData { .. }) {
        let what = "is sealed without a check against changes, as very old programs do";
        return Err(refuse(shown, what)
            .help("seal it anew, with gpg or with howdah secret seal")
            .boxed());
    }
    match lock(esk, keys) {
        Lock::Key(key) => {
            let passphrase = key.passphrase(passphrase)?;
            let password = password(passphrase.as_ref());
            let ring = TheRing {
                secret_keys: vec![key.key],
                key_passwords: vec![&password],
                decrypt_options: options(),
                ..TheRing::default()
            };
            let message = message.decrypt_the_ring(ring, true).map(|(message, _)| message);
            content(message, shown).map_err(|why| {
                why.unwrap_or_else(|| damaged(shown, "what the key opens fails the check"))
            })
        }
        Lock::Passphrase => {
            let passphrase = passphrase.ask(&format!("the passphrase of {shown}"))?;
            let password = password(Some(&passphrase));
            let ring = TheRing {
                message_password: vec![&password],
                decrypt_options: options(),
                ..TheRing::default()
            };
            let message = message.decrypt_the_ring(ring, true).map(|(message, _)| message);
            content(message, shown).map_err(|why| {
                why.unwrap_or_else(|| {
                    // A wrong passphrase gives another key, whose result fails the check as well.
                    refuse(shown, "has another passphrase, or is damaged").boxed()
                })
            })
        }
        Lock::Missing(recipients) => Err(missing(shown, &recipients, keys)),
    }
}

fn options() -> DecryptionOptions {
    DecryptionOptions::new().enable_gnupg_aead()
}

fn password(passphrase: Option<&Secret>) -> Password {
    passphrase.map_or_else(Password::empty, |it| Password::from(it.expose()))
}

/// What opens a message.
enum Lock<'a> {
    Key(Fitting<'a>),
    Passphrase,
    /// A key of these, which is not there.
    Missing(Vec<String>),
}

/// A key that fits, and the file it is from.
struct Fitting<'a> {
    key: &'a SignedSecretKey,
    file: &'a KeyFile,
    locked: Locked,
}

/// Which part of a key, if any, a passphrase has to unlock first.
enum Locked {
    No,
    Primary,
    Subkey(usize),
}

impl<'a> Fitting<'a> {
    /// The first key in `file` that the session key is for.
    fn find(esk: &PublicKeyEncryptedSessionKey, file: &'a KeyFile) -> Option<Self> {
        file.openpgp().iter().find_map(|key| {
            let primary = &key.primary_key;
            let subkeys = &key.secret_subkeys;
            let locked = if esk.match_identity(primary.public_key()) {
                if primary.secret_params().is_encrypted() { Locked::Primary } else { Locked::No }
            } else {
                let at = subkeys.iter().position(|it| esk.match_identity(it.public_key()))?;
                let encrypted = subkeys[at].secret_params().is_encrypted();
                if encrypted { Locked::Subkey(at) } else { Locked::No }
            };
            Some(Self { key, file, locked })
        })
    }

    /// The passphrase of the key, tried; nothing for one that is not locked.
    fn passphrase(&self, passphrase: &Passphrase) -> Result<Option<Secret>, Box<Diagnostic>> {
        if matches!(self.locked, Locked::No) {
            return Ok(None);
        }
        let file = &self.file.shown;
        let typed = passphrase.ask(&format!("the passphrase of the key in {file}"))?;
        let password = password(Some(&typed));
        let unlocked = match self.locked {
            Locked::Subkey(at) => {
                self.key.secret_subkeys[at].key.unlock(&password, |_, _| Ok(())).is_ok()
            }
            _ => self.key.primary_key.unlock(&password, |_, _| Ok(())).is_ok(),
        };
        if unlocked {
            Ok(Some(typed))
        } else {
            Err(refuse(&format!("the key in {file}"), "has another passphrase").boxed())
        }
    }
}

/// Which of the ways to open a message there is: a key that is there, else a passphrase.
fn lock<'a>(esk: &[Esk], keys: &'a [KeyFile]) -> Lock<'a> {
    let mut recipients = Vec::new();
    let mut passphrase = false;
    for esk in esk {
        match esk {
            Esk::SymKeyEncryptedSessionKey(_) => passphrase = true,
            Esk::PublicKeyEncryptedSessionKey(esk) => {
                if let Some(key) = keys.iter().find_map(|file| Fitting::find(esk, file)) {
                    return Lock::Key(key);
                }
                recipients.push(match esk.id() {
                    Ok(id) if id.is_wildcard() => "a recipient that is not named".to_owned(),
                    Ok(id) => number(*id),
                    Err(_) => "a key of version 6".to_owned(),
                });
            }
        }
    }
    if passphrase { Lock::Passphrase } else { Lock::Missing(recipients) }
}

/// A key's number as GnuPG writes it.
fn number(id: KeyId) -> String {
    format!("0x{}", id.to_string().to_uppercase())
}

fn missing(shown: &str, recipients: &[String], keys: &[KeyFile]) -> Box<Diagnostic> {
    let given: Vec<String> = keys
        .iter()
        .flat_map(KeyFile::openpgp)
        .flat_map(|key| {
            let subkeys = key.secret_subkeys.iter().map(|it| it.public_key().legacy_key_id());
            std::iter::once(key.primary_key.legacy_key_id()).chain(subkeys)
        })
        .map(number)
        .collect();
    let recipients = recipients.join(", ");
    if recipients.is_empty() {
        refuse(shown, "names neither a key nor a passphrase that opens it").boxed()
    } else if given.is_empty() {
        refuse(shown, format_args!("is sealed to an OpenPGP key ({recipients}); it opens it"))
            .help("write it with gpg --export-secret-keys, and name the file with --key")
            .boxed()
    } else {
        refuse(shown, format_args!("is for another key: {recipients}; given: {}", given.join(", ")))
            .boxed()
    }
}

/// The content of an opened message, or what is to be said; nothing where that depends on the lock.
fn content(
    message: Result<Message<'_>, Error>,
    shown: &str,
) -> Result<SecretBytes, Option<Box<Diagnostic>>> {
    let mut message = message.map_err(|error| unsupported(&error, shown))?;
    for _ in 0..MAX_LAYERS {
        if !message.is_compressed() {
            break;
        }
        // What is read here has passed its check, or its first part has.
        message = message.decompress().map_err(|_| {
            let what = "holds data in a compression that is not supported here, such as BZIP2";
            Some(refuse(shown, what).boxed())
        })?;
    }
    if message.is_encrypted() || message.is_compressed() {
        return Err(Some(refuse(shown, "holds another sealed message; open that one").boxed()));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    message.take(MAX_SECRET_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|_| None)?;
    if bytes.len() > MAX_SECRET_BYTES {
        let what = format_args!("holds too much: at most {MAX_SECRET_BYTES} bytes are taken");
        return Err(Some(refuse(shown, what).boxed()));
    }
    Ok(SecretBytes::new(bytes))
}

/// What cannot be opened because nobody here knows how.
fn unsupported(error: &Error, shown: &str) -> Option<Box<Diagnostic>> {
    let (Error::Unsupported { message, .. } | Error::Unimplemented { message, .. }) = error else {
        return None;
    };
    Some(refuse(shown, format_args!("uses what is not supported here: {message}")).boxed())
}
