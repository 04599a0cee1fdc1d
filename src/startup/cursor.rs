//! The key that cursors of pages are signed with.

use crate::{
    cursor::{Cursors, SHORTEST_KEY},
    diagnostic::{Code, Diagnostic, Diagnostics},
    service::ServiceDefinition,
};
use std::{fs::File, io::Read, path::Path, sync::Arc};
use zeroize::Zeroizing;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 4096;

/// Reads the key that the manifest names, when it names one: else that of this process stays.
///
/// # Errors
/// When its file cannot be used, without a word of what is in it.
pub fn take_key(definition: &mut ServiceDefinition) -> Result<(), Diagnostics> {
    if let Some(path) = &definition.config.answers.cursor_key_file {
        definition.cursors = Arc::new(read(path)?);
    }
    Ok(())
}

fn read(path: &Path) -> Result<Cursors, Box<Diagnostic>> {
    let shown = path.display();
    let refuse = |code: Code, why: String| {
        Diagnostic::error(code, format!("the key of cursors {shown} {why}"))
            .help(format!(
                "`answers.cursor_key_file` names a file with {SHORTEST_KEY} random bytes or more, \
                 as `openssl rand -base64 32` makes them"
            ))
            .boxed()
    };
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| refuse(Code::Unreadable, format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refuse(Code::InvalidValue, "is larger than 4 KiB".to_owned()));
    }
    Cursors::of_key(&bytes).map_err(|why| refuse(Code::InvalidValue, why))
}
