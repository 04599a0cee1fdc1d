//! Sealing a password with a key that is not in the database.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): a nonce of 24 random bytes never meets another.
//! What it is sealed for stands in the associated data, so that a seal cannot be moved to another
//! login or generation.

use super::Secret;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
const NONCE_BYTES: usize = 24;
/// Bytes of a key's id.
const ID_BYTES: usize = 8;
/// The first byte of a seal: how it is made.
const FORM: u8 = 1;

/// What a seal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label<'a> {
    /// Which credential: `app` or `keeper`.
    pub name: &'a str,
    /// Its generation.
    pub generation: u64,
    /// The login that the password is of.
    pub login: &'a str,
}

/// A key to seal with.
pub struct Key {
    cipher: XChaCha20Poly1305,
    id: [u8; ID_BYTES],
}

/// Why a key is none, or a seal does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The text is not 64 hexadecimal digits.
    NoKey,
    /// The kernel gives no random bytes.
    NoRandom,
    /// The seal was made with another key.
    OtherKey,
    /// The seal was changed, or is for something else.
    Broken,
}

impl fmt::Display for KeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoKey => "a key is 64 hexadecimal digits",
            Self::NoRandom => "the kernel gives no random bytes",
            Self::OtherKey => "it was sealed with another key",
            Self::Broken => "the seal was changed, or is for something else",
        })
    }
}

impl Key {
    /// Reads a key: 64 hexadecimal digits, white space around them not counting.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let digits = text.trim().as_bytes();
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if digits.len() != 2 * KEY_BYTES {
            return Err(KeyError::NoKey);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16).ok_or(KeyError::NoKey);
            let value = digit(pair[0])? * 16 + digit(pair[1])?;
            *byte = u8::try_from(value).map_err(|_| KeyError::NoKey)?;
        }
        let mut id = [0; ID_BYTES];
        let hash = Sha256::new().chain_update(b"howdah key id\0").chain_update(&bytes[..]);
        id.copy_from_slice(&hash.finalize()[..ID_BYTES]);
        let cipher = XChaCha20Poly1305::new(&(*bytes).into());
        Ok(Self { cipher, id })
    }

    /// The text of a new key, with a newline.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn generate() -> Result<Zeroizing<String>, KeyError> {
        use fmt::Write;
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(bytes.as_mut()).map_err(|_| KeyError::NoRandom)?;
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY_BYTES + 1));
        for byte in bytes.iter() {
            // Writing into a String does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
        Ok(text)
    }

    /// Seals `password` for `label`: a byte that says how, the key's id, the nonce, the rest.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn seal(&self, label: Label<'_>, password: &Secret) -> Result<Vec<u8>, KeyError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| KeyError::NoRandom)?;
        let aad = associated(label);
        let payload = Payload { msg: password.expose().as_bytes(), aad: aad.as_bytes() };
        let sealed =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| KeyError::Broken)?;
        Ok([&[FORM][..], &self.id, &nonce, &sealed].concat())
    }

    /// Opens what [`Key::seal`] made for the same label.
    ///
    /// # Errors
    /// When it is of another key, was changed, or is for something else.
    pub fn open(&self, label: Label<'_>, seal: &[u8]) -> Result<Secret, KeyError> {
        let (form, rest) = seal.split_first().ok_or(KeyError::Broken)?;
        let (id, rest) = rest.split_at_checked(ID_BYTES).ok_or(KeyError::Broken)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(KeyError::Broken)?;
        if *form != FORM {
            return Err(KeyError::Broken);
        }
        if id != self.id {
            return Err(KeyError::OtherKey);
        }
        let aad = associated(label);
        let payload = Payload { msg: sealed, aad: aad.as_bytes() };
        let bytes =
            self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| KeyError::Broken)?;
        String::from_utf8(bytes).map(Secret::new).map_err(|_| KeyError::Broken)
    }
}

/// What a seal is bound to. A login's name has no NUL in it, so that no two labels are one text.
fn associated(label: Label<'_>) -> String {
    format!("howdah credential\0{}\0{}\0{}", label.name, label.generation, label.login)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]
    use super::*;

    const LABEL: Label<'static> = Label { name: "app", generation: 7, login: "rates_a" };

    #[test]
    fn a_seal_opens_with_its_key_and_label_alone() {
        let key = Key::parse(&Key::generate().unwrap()).unwrap();
        let other = Key::parse(&Key::generate().unwrap()).unwrap();
        let seal = key.seal(LABEL, &Secret::new("s3cret".to_owned())).unwrap();
        assert!(key.open(LABEL, &seal).is_ok_and(|it| it.expose() == "s3cret"));
        assert!(!seal.windows(6).any(|window| window == b"s3cret"));
        let open = |label, seal: &[u8]| key.open(label, seal).err();
        assert_eq!(open(Label { generation: 8, ..LABEL }, &seal), Some(KeyError::Broken));
        assert_eq!(open(Label { login: "rates_b", ..LABEL }, &seal), Some(KeyError::Broken));
        assert_eq!(open(Label { name: "keeper", ..LABEL }, &seal), Some(KeyError::Broken));
        assert_eq!(other.open(LABEL, &seal).err(), Some(KeyError::OtherKey));
        for at in 0..seal.len() {
            let mut changed = seal.clone();
            changed[at] ^= 1;
            assert!(open(LABEL, &changed).is_some(), "byte {at}");
            assert!(open(LABEL, &seal[..at]).is_some(), "{at} bytes");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in ["", "ab", &"g".repeat(64), &"é".repeat(32), &"a".repeat(63), &"a".repeat(65)] {
            assert_eq!(Key::parse(bad).err(), Some(KeyError::NoKey));
        }
        assert!(Key::parse(&format!(" {}\n", "Ab".repeat(32))).is_ok());
    }
}
