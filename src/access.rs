//! Who may do what: a caller, a policy, the permit that a lane needs, and as whom it runs.
//!
//! Owns how a credential proves who asks (API keys, tokens and their issuers' keys, certificates), the decision,
//! how often somebody may ask, and which address a request came from. No file and no socket is
//! opened here: `identity` brings what is written in files and what issuers say. Does not own what
//! is decided about (`service`), nor the order of the questions (`http::pipeline`).

pub mod address;
pub mod keyring;
pub mod keyset;
pub mod limit;

mod authority;
mod caller;
mod certificate;
mod credential;
mod identity;
mod issuer;
mod key;
mod memory;
mod permit;
mod policy;
mod proxy;
mod signature;
mod token;

pub use authority::{Authority, Verdict};
pub use caller::{ApiKey, Caller, Claims, Client, Token};
pub use certificate::Names;
pub use credential::{Credential, Fault};
pub use identity::{Identity, InvalidIdentity};
pub use issuer::{Issuer, Keys};
pub use key::{Minted, digest, mint};
pub use memory::Memory;
pub use permit::Permit;
pub use policy::Policy;
pub use proxy::{MOST_BYTES as PROXY_BYTES, Preamble, preamble};
pub use token::Refusal;
