//! What signs in to the database: a login and its password, with the generation that they are of.
//!
//! Owns the credential's document, new passwords, the verifiers that PostgreSQL keeps of them, and
//! sealing a password so that it can lie in a database. Does not own when a credential changes
//! (`rotation`), nor the files it is read from (`startup`).

mod document;
mod key;

pub use document::Credential;
pub use key::{Key, KeyError, Label};

use crate::secret::Secret;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The file's name where a folder holds the credential, as a mounted Kubernetes Secret does.
pub const FILE_NAME: &str = "credential.json";

/// Bytes of a new password: 256 bits, which nobody guesses.
const PASSWORD_BYTES: usize = 32;

/// A new password of 256 random bits, in 43 letters, digits, hyphens and underscores.
///
/// # Errors
/// When the kernel gives no random bytes.
pub fn new_password() -> Result<Secret, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; PASSWORD_BYTES]);
    getrandom::fill(bytes.as_mut())?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(&bytes[..])))
}

/// What PostgreSQL keeps of a password: the SCRAM-SHA-256 verifier (RFC 5803, PostgreSQL
/// documentation, "Password Authentication"), with a salt of its own. It has no character that an
/// SQL string would have to escape.
pub fn verifier(password: &Secret) -> String {
    postgres_protocol::password::scram_sha_256(password.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]
    use super::*;

    #[test]
    fn passwords_differ_and_need_no_escape() {
        let one = new_password().unwrap();
        let two = new_password().unwrap();
        assert!(one.expose() != two.expose());
        assert_eq!(one.expose().len(), 43);
        let plain = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
        assert!(one.expose().chars().all(plain));
    }

    #[test]
    fn a_verifier_is_salted_and_has_nothing_of_the_password() {
        let password = Secret::new("hunter2hunter2".to_owned());
        let (one, two) = (verifier(&password), verifier(&password));
        assert!(one != two);
        assert!(one.starts_with("SCRAM-SHA-256$4096:") && !one.contains("hunter2"));
        assert!(!one.contains(['\'', '\\']));
    }
}
