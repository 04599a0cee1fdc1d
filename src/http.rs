//! The listeners: HTTP in, HTTP out.
//!
//! Owns sockets, threads, requests and responses. The one pipeline from request to response stands
//! in `pipeline`, one function a stage. Does not own what is served (`service`).

pub mod admin;
pub mod api;
pub mod arguments;
pub mod listener;
pub mod request_id;
pub mod response;
pub mod server;
pub mod tls;

mod body;
mod cached;
mod clock;
mod coding;
mod connection;
mod detached;
mod farewell;
mod gate;
mod greeting;
mod head;
mod http2;
mod links;
mod logged;
mod negotiation;
mod neighbours;
mod once;
mod pipeline;
mod plain;
mod representation;
mod stream;
mod tool;
