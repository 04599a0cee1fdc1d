//! Whom a thread has looked at before, so that a signature is checked once and not at every request.

use super::{Authority, Caller, Credential, Verdict};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, time::SystemTime};

/// The most callers that are remembered on a thread.
const MOST: usize = 4096;

/// Tokens that were believed, by their SHA-256, until they end or any key changes. The token itself
/// is not kept.
#[derive(Default)]
pub struct Memory {
    known: HashMap<[u8; 32], (Caller, SystemTime)>,
    changes: u64,
}

impl Memory {
    /// Judges `credential`, from memory where that is as good.
    pub fn judge(
        &mut self,
        authority: &Authority,
        credential: Credential<'_>,
        now: SystemTime,
    ) -> Verdict {
        // A key is looked up as fast as it would be here.
        let Credential::Token(text) = credential else { return authority.judge(credential, now) };
        let changes = authority.changes();
        if changes != self.changes {
            self.known.clear();
            self.changes = changes;
        }
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        if let Some((caller, until)) = self.known.get(&digest)
            && now < *until
        {
            return Verdict::Known(caller.clone());
        }
        let verdict = authority.judge(credential, now);
        if let Verdict::Known(caller @ Caller::Token(token)) = &verdict {
            if self.known.len() >= MOST {
                self.known.retain(|_, (_, until)| now < *until);
            }
            if self.known.len() >= MOST {
                self.known.clear();
            }
            self.known.insert(digest, (caller.clone(), token.expires));
        }
        verdict
    }
}
