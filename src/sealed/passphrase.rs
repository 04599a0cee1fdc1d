//! Where a passphrase comes from: a file, a descriptor, or a person at the terminal.
//!
//! Never from an argument or a variable: other processes can read those.

use super::{read_file, refuse, terminal};
use crate::{
    diagnostic::{Code, Diagnostic},
    secret::{Secret, SecretBytes},
};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The longest passphrase, in bytes.
pub(super) const MAX_BYTES: usize = 4096;

/// Where the passphrase is.
pub enum Passphrase {
    /// In this file, which may end in a newline.
    File(PathBuf),
    /// A person is asked, at the terminal that the process belongs to.
    Terminal,
}

impl Passphrase {
    /// What an inherited descriptor gives.
    pub fn descriptor(number: u32) -> Self {
        Self::File(PathBuf::from(format!("/proc/self/fd/{number}")))
    }

    /// The passphrase for `what`, such as `the passphrase of db_password.txt.age`.
    ///
    /// # Errors
    /// There is none, or nobody to ask, or it is no line of text.
    pub(super) fn ask(&self, what: &str) -> Result<Secret, Box<Diagnostic>> {
        match self {
            Self::File(path) => from_file(path),
            Self::Terminal => terminal::ask(what).and_then(|it| not_empty(it, what)),
        }
    }

    /// A secret that a person types, instead of a passphrase.
    ///
    /// # Errors
    /// There is nobody to ask.
    pub fn secret(&self) -> Result<SecretBytes, Box<Diagnostic>> {
        let typed = self.ask("the secret")?;
        Ok(SecretBytes::new(Zeroizing::new(typed.expose().as_bytes().to_vec())))
    }

    /// The passphrase to seal with: typed twice, so that it is not mistyped.
    pub(super) fn choose(&self, what: &str) -> Result<Secret, Box<Diagnostic>> {
        let chosen = self.ask(what)?;
        if matches!(self, Self::Terminal) && terminal::ask("the same again")? != chosen {
            return Err(refuse("the passphrase", "was not the same both times").boxed());
        }
        Ok(chosen)
    }
}

pub(super) fn nobody(what: &str) -> Box<Diagnostic> {
    Diagnostic::error(Code::Machine, format!("there is no terminal to ask for {what}"))
        .help("name a file with --passphrase-file, or a descriptor with --passphrase-fd")
        .boxed()
}

fn not_empty(passphrase: Secret, what: &str) -> Result<Secret, Box<Diagnostic>> {
    if passphrase.is_empty() { Err(refuse(what, "is empty").boxed()) } else { Ok(passphrase) }
}

fn from_file(path: &std::path::Path) -> Result<Secret, Box<Diagnostic>> {
    let shown = format!("the passphrase file {}", path.display());
    let bytes = read_file(path, MAX_BYTES)?;
    let text = std::str::from_utf8(bytes.expose());
    let text = text.map_err(|_| refuse(&shown, "is not UTF-8").boxed())?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(['\n', '\r', '\0']) {
        return Err(refuse(&shown, "has more than one line").boxed());
    }
    not_empty(Secret::new(line.to_owned()), &shown)
}
