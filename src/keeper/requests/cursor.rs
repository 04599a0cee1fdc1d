//! Cursors of lists: signed, for one caller, one question and an hour.

use crate::problem::{Code, Problem};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long a cursor serves, in seconds.
const LASTS_S: u64 = 3600;

/// The key of this process's cursors. They end with the process.
pub(super) struct Cursors {
    key: Option<[u8; 32]>,
}

impl Cursors {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        Self { key: getrandom::fill(&mut key).is_ok().then_some(key) }
    }

    /// The cursor after which a page begins: for this caller and question alone.
    pub(super) fn seal(&self, after: &str, question: &str) -> Option<String> {
        self.seal_until(after, question, now_s() + LASTS_S)
    }

    fn seal_until(&self, after: &str, question: &str, until_s: u64) -> Option<String> {
        let text = format!("{until_s}|{after}");
        let tag = self.mac(&text, question)?.finalize().into_bytes();
        Some(format!("{}.{}", URL_SAFE_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(&tag[..])))
    }

    /// What a cursor says.
    pub(super) fn open(&self, cursor: &str, question: &str) -> Result<String, Problem> {
        let invalid = || Problem::new(Code::CursorInvalid);
        let (text, tag) = cursor.split_once('.').ok_or_else(invalid)?;
        let text = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let text = String::from_utf8(text).map_err(|_| invalid())?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| invalid())?;
        let mac = self.mac(&text, question).ok_or_else(invalid)?;
        mac.verify_slice(&tag).map_err(|_| invalid())?;
        let (until_s, after) = text.split_once('|').ok_or_else(invalid)?;
        let until_s: u64 = until_s.parse().map_err(|_| invalid())?;
        if until_s < now_s() { Err(invalid()) } else { Ok(after.to_owned()) }
    }

    fn mac(&self, text: &str, question: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_ref()?).ok()?;
        mac.update(&(question.len() as u64).to_be_bytes());
        mac.update(question.as_bytes());
        mac.update(text.as_bytes());
        Some(mac)
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_caller_its_question_and_its_time() {
        let cursors = Cursors::new();
        let cursor = cursors.seal("abc", "7|pending").unwrap();
        assert_eq!(cursors.open(&cursor, "7|pending").unwrap(), "abc");
        for (cursor, question) in [
            (cursor.clone(), "8|pending"),
            (cursor.clone(), "7|active"),
            (format!("{cursor}A"), "7|pending"),
            (format!("A{cursor}"), "7|pending"),
            (String::new(), "7|pending"),
            (".".to_owned(), "7|pending"),
            (cursors.seal_until("abc", "7|pending", now_s() - 1).unwrap(), "7|pending"),
            (Cursors::new().seal("abc", "7|pending").unwrap(), "7|pending"),
        ] {
            let refused = cursors.open(&cursor, question).unwrap_err();
            assert_eq!(refused.code(), Code::CursorInvalid, "{cursor}");
        }
    }
}
