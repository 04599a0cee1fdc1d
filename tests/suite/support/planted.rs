//! What the tests keep secret, and a watch over everything that any service of a test run prints.
//!
//! Owns the list and the search. A secret that is printed ends the whole run at once: the service that printed it
//! may outlive the test that planted it, and no later test would look at what it wrote.

use std::sync::{Mutex, PoisonError};

static PLANTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What is shorter may stand in an output by chance.
const SHORTEST: usize = 10;

/// From now on nobody may print `secret`: a password, a key, the value of a row.
pub fn plant(secret: &str) {
    assert!(secret.len() >= SHORTEST, "`{secret}` may be printed by chance");
    PLANTED.lock().unwrap_or_else(PoisonError::into_inner).push(secret.to_owned());
}

/// Looks over one stream of output, piece by piece.
#[derive(Debug, Default)]
pub struct Watch {
    tail: Vec<u8>,
}

impl Watch {
    /// What is planted and stands in the stream, of which `piece` is the next part.
    pub fn find(&mut self, piece: &[u8]) -> Option<String> {
        self.tail.extend_from_slice(piece);
        let planted = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = planted.iter().map(String::len).max().unwrap_or(0);
        let text = String::from_utf8_lossy(&self.tail);
        let found = planted.iter().find(|it| text.contains(it.as_str())).cloned();
        drop(text);
        // What may be the beginning of one.
        let done = self.tail.len().saturating_sub(longest);
        self.tail.drain(..done);
        found
    }

    /// Ends the test run when something planted stands in the stream.
    pub fn over(&mut self, piece: &[u8]) {
        if let Some(secret) = self.find(piece) {
            eprintln!("a service printed what was planted ({secret}):");
            eprintln!("{}", String::from_utf8_lossy(piece));
            // Not a panic: that would end this reader and be forgotten.
            std::process::exit(101);
        }
    }
}
