//! The listeners: HTTP in, HTTP out.
//!
//! Owns sockets, threads, requests and responses. Does not own what is served (`service`).

pub mod arguments;
