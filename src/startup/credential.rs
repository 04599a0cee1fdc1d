//! Reading a credential that the keeper published.

use crate::{
    credential::{Credential, FILE_NAME, Key},
    diagnostic::{Code, Diagnostic},
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The largest file that is read, in bytes, and one more.
const LIMIT: u64 = 64 * 1024 + 1;

/// The credential in the file `path`, or in `credential.json` of the folder `path`.
///
/// # Errors
/// When there is none to be had, without a word of what is in the file.
pub fn credential(path: &Path) -> Result<Credential, Box<Diagnostic>> {
    let file = file_of(path);
    let shown = file.display();
    let bytes = bytes_of(&file)
        .map_err(|error| refuse(format!("the credential {shown} cannot be read: {error}")))?;
    Credential::parse(&bytes).map_err(|why| refuse(format!("the credential {shown}: {why}")))
}

/// The bytes of the credential; none while there is no file.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn credential_bytes(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    match bytes_of(&file_of(path)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The key in `path` to seal with.
///
/// # Errors
/// When there is none to be had, without a word of what is in the file.
pub fn key(path: &Path) -> Result<Key, Box<Diagnostic>> {
    let shown = path.display();
    let bytes = bytes_of(path)
        .map_err(|error| refuse(format!("the key {shown} cannot be read: {error}")))?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    Key::parse(text).map_err(|why| refuse(format!("the key {shown}: {why}")))
}

fn refuse(message: String) -> Box<Diagnostic> {
    Diagnostic::error(Code::Unreadable, message)
        .help("`howdah credentials setup` makes what is missing")
        .boxed()
}

fn file_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() }
}

fn bytes_of(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}
