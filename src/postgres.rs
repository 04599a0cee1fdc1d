//! Everything that speaks PostgreSQL's protocol.
//!
//! Owns connections: where the server is, how to sign in, statements and their types, rows as they
//! arrive, cancelling. Does not own how connections are shared (`lane`), nor what is asked.

pub mod session;
mod target;

pub use target::Target;
