//! Reading a credential that the keeper published.

use super::{password::checked, place, with_password};
use crate::{
    config::Database,
    credential::{Credential, FILE_NAME, Key},
    diagnostic::{Code, Diagnostic},
    postgres::Target,
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
    let file = credential_file(path);
    let shown = file.display();
    let bytes = bytes_of(&file)
        .map_err(|error| refuse(format!("the credential {shown} cannot be read: {error}")))?;
    Credential::parse(&bytes).map_err(|why| refuse(format!("the credential {shown}: {why}")))
}

/// The bytes of a name in `pg_stat_activity` (PostgreSQL's NAMEDATALEN, less its end).
const LONGEST_NAME: usize = 63;

/// As whom a service signs in, and what it follows.
pub struct SigningIn {
    /// Where, and as whom.
    pub target: Target,
    /// What it signs in with, when that is a published credential.
    pub credential: Option<Credential>,
    /// The file or folder of the credential, when there is one to follow.
    pub path: Option<PathBuf>,
}

/// Where the database is, with the credential that was published, or else the password.
///
/// # Errors
/// When the file of either cannot be used, without a word of what is in it.
pub fn target(database: &Database) -> Result<Target, Box<Diagnostic>> {
    let signing_in = signing_in(database)?;
    Ok(Target { application_name: database.application_name.clone(), ..signing_in.target })
}

/// As whom a service signs in; its sessions say the generation where there is one to follow.
///
/// # Errors
/// As [`target`].
pub fn signing_in(database: &Database) -> Result<SigningIn, Box<Diagnostic>> {
    let Some(path) = &database.credential else {
        return Ok(SigningIn { target: with_password(database)?, credential: None, path: None });
    };
    if !credential_file(path).exists() {
        let plain = with_password(database)?;
        let target = Target { application_name: tagged(&plain.application_name, 0), ..plain };
        return Ok(SigningIn { target, credential: None, path: Some(path.clone()) });
    }
    let credential = credential(path)?;
    let target = checked(with_credential(&place(database), &credential))?;
    Ok(SigningIn { target, credential: Some(credential), path: Some(path.clone()) })
}

/// The target with this credential; its application's name says the generation.
pub fn with_credential(place: &Target, credential: &Credential) -> Target {
    Target {
        user: credential.user.clone(),
        password: Some(credential.password.clone()),
        application_name: tagged(&place.application_name, credential.generation),
        ..place.clone()
    }
}

/// `howdah g42`, no longer than the server shows.
fn tagged(name: &str, generation: u64) -> String {
    let tag = format!(" g{generation}");
    let mut end = name.len().min(LONGEST_NAME - tag.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{tag}", &name[..end])
}

/// The bytes of the credential; none while there is no file.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn credential_bytes(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    match bytes_of(&credential_file(path)) {
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

/// The file of the credential at `path`, which is that file or its folder.
pub fn credential_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() }
}

fn bytes_of(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::tagged;

    #[test]
    fn a_generation_is_shown_whole() {
        assert_eq!(tagged("howdah", 42), "howdah g42");
        let long = tagged(&"\u{e9}".repeat(60), u64::MAX);
        assert!(long.len() <= 63 && long.ends_with(" g18446744073709551615"), "{long}");
    }
}
