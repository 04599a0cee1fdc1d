//! Who may do what: a caller, a policy, the permit that a lane needs, and as whom it runs.
//!
//! Owns the decision. Does not own how a caller proves who they are (`http`), nor what is decided
//! about (`service`).

mod caller;
mod identity;
mod permit;
mod policy;

pub use caller::Caller;
pub use identity::{Identity, InvalidIdentity};
pub use permit::Permit;
pub use policy::Policy;
