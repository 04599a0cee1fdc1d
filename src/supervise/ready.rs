//! Telling whoever started this process that it listens.

use super::Addresses;
use crate::diagnostic::{Code, Diagnostic};
use serde_json::json;
use std::path::Path;

/// Writes `{"http":…,"admin":…,"pid":…}` into `file`, by rename, so that a reader sees all or
/// nothing.
pub(super) fn announce(file: &Path, addresses: &Addresses) -> Result<(), Box<Diagnostic>> {
    let line = json!({
        "http": addresses.http,
        "admin": addresses.admin,
        "pid": std::process::id(),
    });
    let draft = file.with_extension("draft");
    std::fs::write(&draft, format!("{line}\n"))
        .and_then(|()| std::fs::rename(&draft, file))
        .map_err(|error| {
            let shown = file.display();
            Diagnostic::error(Code::Machine, format!("{shown} cannot be written: {error}")).boxed()
        })
}
