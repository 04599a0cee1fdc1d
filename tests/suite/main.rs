//! Tests of the parts together: a real PostgreSQL, real sockets, the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it is wrong")]

mod access;
mod advice;
mod audit;
mod auth;
mod bulk;
mod cli;
mod contract;
mod docs;
mod embedded;
mod endpoints;
mod hardening;
mod harness;
mod http;
mod keeper;
mod lane;
mod malformed;
mod measure;
mod migration;
mod natures;
mod openapi;
mod paging;
mod placeholders;
mod plain_user;
mod posture;
mod reload;
mod rotation;
mod scaffold;
mod secret;
mod sinks;
mod streams;
mod support;
mod terminal;
mod tls;
mod up;
mod values;
