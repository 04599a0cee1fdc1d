//! Cursors of lists: for one caller, one question and an hour.

use crate::{
    cursor,
    problem::{Code, Problem},
};
use std::time::{SystemTime, UNIX_EPOCH};

/// How long a cursor serves, in seconds.
const LASTS_S: u64 = 3600;

/// The cursors of this process. They end with it.
pub(super) struct Cursors(cursor::Cursors);

impl Cursors {
    pub(super) fn new() -> Self {
        Self(cursor::Cursors::new())
    }

    /// The cursor after which a page begins: for this caller and question alone.
    pub(super) fn seal(&self, after: &str, question: &str) -> Option<String> {
        self.seal_until(after, question, now_s() + LASTS_S)
    }

    fn seal_until(&self, after: &str, question: &str, until_s: u64) -> Option<String> {
        self.0.seal(format!("{until_s}|{after}").as_bytes(), question.as_bytes())
    }

    /// What a cursor says.
    pub(super) fn open(&self, cursor: &str, question: &str) -> Result<String, Problem> {
        let invalid = || Problem::new(Code::CursorInvalid);
        let text = self.0.open(cursor, question.as_bytes())?;
        let text = String::from_utf8(text).map_err(|_| invalid())?;
        let (until_s, after) = text.split_once('|').ok_or_else(invalid)?;
        let until_s: u64 = until_s.parse().map_err(|_| invalid())?;
        if until_s < now_s() { Err(invalid()) } else { Ok(after.to_owned()) }
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
            (cursors.seal_until("abc", "7|pending", now_s() - 1).unwrap(), "7|pending"),
            (Cursors::new().seal("abc", "7|pending").unwrap(), "7|pending"),
        ] {
            let refused = cursors.open(&cursor, question).unwrap_err();
            assert_eq!(refused.code(), Code::CursorInvalid, "{cursor}");
        }
    }
}
