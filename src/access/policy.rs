//! Who may call an endpoint.

use super::{Caller, Permit};
use crate::problem::Problem;

/// Who may call an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Everybody.
    #[default]
    Public,
}

impl Policy {
    /// Whether everybody may.
    pub fn is_public(&self) -> bool {
        matches!(self, Self::Public)
    }

    /// The permit that lets `caller` go on.
    ///
    /// # Errors
    /// The problem to answer with, when the policy does not let them.
    pub fn permit(&self, caller: &Caller) -> Result<Permit, Problem> {
        match (self, caller) {
            (Self::Public, Caller::Anonymous) => Ok(Permit::issue()),
        }
    }
}
