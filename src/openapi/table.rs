//! The description for a person.

use super::operation::kind;
use crate::service::Service;
use std::fmt::Write;

/// A line for each route: method, path, what it is.
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
