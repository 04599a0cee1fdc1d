//! What a service folder means.
//!
//! Owns the endpoint file format (front matter and one statement), the placeholder lexer, routes
//! and parameters with their facets. Does not own files (`startup` reads them), types from the
//! server (`endpoint`) or requests (`http`).

pub mod file;
pub mod guard;
pub mod parameter;
pub mod placeholder;
pub mod route;
