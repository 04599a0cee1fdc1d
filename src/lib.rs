//! Howdah turns a folder of SQL files into an HTTP service in front of PostgreSQL.
//!
//! This page is the map of the house: the rooms in floor order, a line each. A floor imports only
//! the floors below it; `tests/floors.rs` reads the imports and fails on one that runs upward.

// Floor 0, words: vocabulary.
pub mod diagnostic;
pub mod event;
pub mod name;
pub mod problem;
pub mod secret;

// Floor 1, meaning: text in, complete types out. No I/O.
pub mod config;
pub mod definition;
pub mod table;
pub mod value;

// Floor 2, authority: who may do what. No I/O.
pub mod access;
pub mod credential;
pub mod cursor;

// Floor 3, database: everything that speaks the protocol.
pub mod lane;
pub mod migration;
pub mod outbound;
pub mod postgres;

// Floor 4, records: what is kept, and proved.
pub mod approval;
pub mod audit;
pub mod rotation;

// Floor 5, service: what is served.
pub mod advice;
pub mod builtin;
pub mod decode;
pub mod encode;
pub mod endpoint;
pub mod metrics;
pub mod openapi;
pub mod service;

// Floor 6, surface: the listeners.
pub mod http;

// Floor 7, process: composition.
pub mod cli;
#[cfg(feature = "full")]
pub mod embedded;
pub mod hardening;
pub mod identity;
pub mod keeper;
pub mod observe;
pub mod posture;
#[cfg(feature = "full")]
pub mod scaffold;
pub mod scheduling;
pub mod sealed;
pub mod startup;
pub mod supervise;
#[cfg(feature = "full")]
pub mod watch;
