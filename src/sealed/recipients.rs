//! Sealing in the `age` format (<https://age-encryption.org/v1>) for X25519 recipients.

use super::{read_file, refuse};
use crate::{
    diagnostic::{Code, Diagnostic},
    secret::SecretBytes,
};
use ::age::{
    EncryptError, Encryptor, Recipient,
    armor::{ArmoredWriter, Format},
    x25519,
};
use std::{
    io::{self, Write},
    path::Path,
};

/// The largest file of recipients, in bytes.
const MAX_RECIPIENTS: usize = 256 * 1024;

/// Whom a secret is sealed to.
#[derive(Default)]
pub struct Recipients(pub(super) Vec<x25519::Recipient>);

impl Recipients {
    /// Adds one, as `age1…`.
    ///
    /// # Errors
    /// It is none, or of a kind that is not supported.
    pub fn add(&mut self, text: &str) -> Result<(), Box<Diagnostic>> {
        self.0.push(
            recipient(text)
                .map_err(|why| refuse(&format!("the recipient `{text}`"), why).boxed())?,
        );
        Ok(())
    }

    /// Adds those in a file, one a line.
    ///
    /// # Errors
    /// It cannot be read, holds something else, or nobody.
    pub fn add_file(&mut self, path: &Path) -> Result<(), Box<Diagnostic>> {
        let shown = path.display().to_string();
        let bytes = read_file(path, MAX_RECIPIENTS)?;
        let text = std::str::from_utf8(bytes.expose())
            .map_err(|_| refuse(&shown, "is not UTF-8").boxed())?;
        let before = self.0.len();
        for (number, line) in lines(text) {
            self.0.push(recipient(line).map_err(|why| {
                refuse(&shown, format_args!("has on line {number} what {why}")).boxed()
            })?);
        }
        if self.0.len() == before {
            return Err(refuse(&shown, "has no recipient in it").boxed());
        }
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The lines that are no comment, with their numbers from 1.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// The recipient, or why it is none, as the end of a sentence.
fn recipient(text: &str) -> Result<x25519::Recipient, &'static str> {
    text.parse().map_err(|_| {
        if text.starts_with("AGE-SECRET-KEY-") {
            "is a secret key; its recipient begins with age1"
        } else if text.starts_with("ssh-") {
            "is an SSH key; recipients begin with age1"
        } else if text.starts_with("age1") && text.len() != 62 {
            "is of another kind, or mistyped: 62 characters are expected (X25519)"
        } else {
            "is no recipient (age1…), or mistyped"
        }
    })
}

/// Seals `secret` for each of the `recipients`.
///
/// # Errors
/// There is no recipient.
pub fn seal(
    secret: &SecretBytes,
    recipients: &Recipients,
    armored: bool,
) -> Result<Vec<u8>, Box<Diagnostic>> {
    wrap(recipients.0.iter().map(|it| it as &dyn Recipient), secret, armored)
}

pub(super) fn wrap<'a>(
    recipients: impl Iterator<Item = &'a dyn Recipient>,
    secret: &SecretBytes,
    armored: bool,
) -> Result<Vec<u8>, Box<Diagnostic>> {
    let failed = |why: String| {
        Diagnostic::error(Code::Sealed, format!("it cannot be sealed: {why}")).boxed()
    };
    let encryptor = match Encryptor::with_recipients(recipients) {
        Ok(encryptor) => encryptor,
        Err(EncryptError::MissingRecipients) => {
            return Err(failed("there is no recipient".to_owned()));
        }
        Err(error) => return Err(failed(format!("{error:?}"))),
    };
    written(encryptor, secret, armored).map_err(|error| failed(error.to_string()))
}

fn written(encryptor: Encryptor, secret: &SecretBytes, armored: bool) -> io::Result<Vec<u8>> {
    let format = if armored { Format::AsciiArmor } else { Format::Binary };
    let armor = ArmoredWriter::wrap_output(Vec::new(), format)?;
    let mut writer = encryptor.wrap_output(armor)?;
    writer.write_all(secret.expose())?;
    writer.finish()?.finish()
}
