//! Cursors: where a list goes on, signed, so that nobody but who made one can.
//!
//! Owns the key and the form. Does not own what a cursor says, nor what it is good for: both are its
//! maker's.

use crate::problem::{Code, Problem};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// The shortest text that is taken for a key, in bytes: that of 192 random bits in base64.
pub const SHORTEST_KEY: usize = 32;

/// Makes and reads cursors with one key. A cursor is good for the question that it was made for, by
/// whoever has the key.
pub struct Cursors {
    /// Nothing where the system had no random bytes: then no cursor is made, and none is good.
    key: Option<Zeroizing<[u8; 32]>>,
}

impl Cursors {
    /// Cursors of a new key, which nobody else has.
    pub fn new() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        Self { key: getrandom::fill(&mut key[..]).is_ok().then_some(key) }
    }

    /// Cursors of the key that this process made when it first needed one. They end with it.
    pub fn of_process() -> Arc<Self> {
        static CURSORS: OnceLock<Arc<Cursors>> = OnceLock::new();
        Arc::clone(CURSORS.get_or_init(|| Arc::new(Self::new())))
    }

    /// Cursors of a key that several processes may have.
    ///
    /// # Errors
    /// The end of a sentence, when the text is too short for a key.
    pub fn of_key(text: &[u8]) -> Result<Self, String> {
        let text = text.trim_ascii();
        if text.len() < SHORTEST_KEY {
            return Err(format!("has fewer than {SHORTEST_KEY} bytes"));
        }
        Ok(Self { key: Some(Zeroizing::new(Sha256::digest(text).into())) })
    }

    /// The cursor that says `what`, for this question alone. `None` without a key.
    pub fn seal(&self, what: &[u8], question: &[u8]) -> Option<String> {
        let tag = self.mac(what, question)?.finalize().into_bytes();
        Some(format!("{}.{}", URL_SAFE_NO_PAD.encode(what), URL_SAFE_NO_PAD.encode(tag)))
    }

    /// What a cursor says.
    ///
    /// # Errors
    /// `cursor-invalid`: it was not made with this key for this question.
    pub fn open(&self, cursor: &str, question: &[u8]) -> Result<Vec<u8>, Problem> {
        let invalid = || Problem::new(Code::CursorInvalid);
        let (what, tag) = cursor.split_once('.').ok_or_else(invalid)?;
        let what = URL_SAFE_NO_PAD.decode(what).map_err(|_| invalid())?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| invalid())?;
        let mac = self.mac(&what, question).ok_or_else(invalid)?;
        mac.verify_slice(&tag).map_err(|_| invalid())?;
        Ok(what)
    }

    /// The code of both, which begins with the question's length, so that neither runs into the
    /// other.
    fn mac(&self, what: &[u8], question: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key.as_ref()?[..]).ok()?;
        mac.update(&(question.len() as u64).to_be_bytes());
        mac.update(question);
        mac.update(what);
        Some(mac)
    }
}

impl Default for Cursors {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_key_and_its_question() {
        let cursors = Cursors::new();
        let cursor = cursors.seal(b"abc", b"question").unwrap();
        assert_eq!(cursors.open(&cursor, b"question").unwrap(), b"abc");
        let (what, tag) = cursor.split_once('.').unwrap();
        let other = cursors.seal(b"abd", b"question").unwrap();
        for (cursors, cursor, question) in [
            (&cursors, cursor.clone(), "questio"),
            (&cursors, cursor.clone(), ""),
            (&cursors, format!("{cursor}A"), "question"),
            (&cursors, format!("A{cursor}"), "question"),
            (&cursors, format!("{}.{tag}", other.split_once('.').unwrap().0), "question"),
            (&cursors, format!("{what}."), "question"),
            (&cursors, what.to_owned(), "question"),
            (&cursors, String::new(), "question"),
            (&cursors, ".".to_owned(), "question"),
            (&Cursors::new(), cursor.clone(), "question"),
        ] {
            let refused = cursors.open(&cursor, question.as_bytes()).unwrap_err();
            assert_eq!(refused.code(), Code::CursorInvalid, "{cursor}");
        }
    }

    #[test]
    fn processes_with_one_key_read_each_others_cursors() {
        let key = b"0123456789abcdef0123456789abcdef";
        let cursor = Cursors::of_key(key).unwrap().seal(b"abc", b"q").unwrap();
        let again = Cursors::of_key(&[key.as_slice(), b"\n"].concat()).unwrap();
        assert_eq!(again.open(&cursor, b"q").unwrap(), b"abc");
        let other = Cursors::of_key(b"0123456789abcdef0123456789abcdeg").unwrap();
        assert!(other.open(&cursor, b"q").is_err());
        assert!(Cursors::of_key(b"too short for a key\n").is_err());
        assert!(Cursors::of_key(&[b' '; 100]).is_err());
    }
}
