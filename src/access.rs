//! Who may do what: a caller, a policy, and the permit that a lane needs.
//!
//! Owns the decision. Does not own how a caller proves who they are (`http`), nor what is decided
//! about (`service`).

mod caller;
mod permit;
mod policy;

pub use caller::Caller;
pub use permit::Permit;
pub use policy::Policy;
