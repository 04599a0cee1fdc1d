//! The proof that a policy was asked.

use super::Identity;
use std::sync::Arc;

/// Leave to run one statement once. Only [`super::Policy::permit`] makes one, its field is private,
/// and a lane consumes it: nothing reaches the database unasked.
#[derive(Debug)]
pub struct Permit {
    identity: Option<Arc<Identity>>,
}

impl Permit {
    pub(super) fn issue() -> Self {
        Self { identity: None }
    }

    /// The same leave, for a statement that runs as `identity` and not as the role that signed in.
    #[must_use]
    pub fn under(self, identity: Arc<Identity>) -> Self {
        Self { identity: Some(identity) }
    }

    /// As whom the statement runs; `None` is the role that signed in, without claims.
    pub fn into_identity(self) -> Option<Arc<Identity>> {
        self.identity
    }
}
