//! What a service serves, described: as a table for a person, as OpenAPI for a program.
//!
//! Owns the description. Does not own what is described (`service`).

use crate::service::{Action, Entry, Service};
use std::fmt::Write;

/// A line for each route: method, path, what it takes, what it is.
pub fn table(service: &Service) -> String {
    let entries = service.entries();
    let width = entries.iter().map(|entry| entry.path.as_str().len()).max().unwrap_or(0);
    let mut text = String::new();
    for entry in entries {
        let summary = entry.summary.as_deref().unwrap_or(kind(entry));
        // Writing into a String does not fail.
        let _ = writeln!(
            text,
            "{:<6} {:<width$}  {summary}",
            entry.method.as_str(),
            entry.path.as_str()
        );
    }
    text
}

fn kind(entry: &Entry) -> &'static str {
    match entry.action {
        Action::Endpoint(_) | Action::Pending(_) => "a statement",
        Action::Reply { .. } => "a fixed answer",
        Action::Probe { .. } => "whether the database can be reached",
        Action::Ping { .. } => "an ICMP echo",
        Action::Calculate => "the value of an expression",
        Action::Info => "what this process is",
    }
}
