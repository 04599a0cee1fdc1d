//! Everything that speaks PostgreSQL's protocol.
//!
//! Owns connections: where the server is, how to sign in, statements and their shapes, the messages
//! of a request, cancelling. Does not own how connections are shared (`lane`), nor what is asked.

pub mod batch;
pub mod cancel;
pub mod describe;
mod dial;
pub mod lead;
pub mod listen;
pub mod message;
pub mod preamble;
pub mod refusal;
pub mod session;
pub mod statement;
mod target;
pub mod tls;
pub mod wire;

pub use target::Target;
