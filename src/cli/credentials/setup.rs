//! `howdah credentials setup`: the keeper's key and credential, and the SQL for whoever administers
//! the database.

use super::SetupArguments;
use crate::{
    cli::{Exit, show},
    config,
    credential::{self, Credential, Key},
    diagnostic::{Code, Diagnostic, Diagnostics},
    rotation::setup::{Setup, sql},
    startup::{self, Folder},
};
use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};
use zeroize::Zeroizing;

pub(super) fn run(arguments: SetupArguments) -> Result<Exit, Diagnostics> {
    let config = Folder::from(arguments.folder).manifest()?.value;
    let missing = |table: &str| {
        let message = format!("the manifest has no `[{table}]`");
        Diagnostic::error(Code::MissingKey, message).help("see docs/rotation.md")
    };
    let keeper = config.keeper.as_ref().ok_or_else(|| missing("keeper"))?;
    let credentials = config.credentials.as_ref().ok_or_else(|| missing("credentials"))?;
    let database = config.database.as_ref().ok_or_else(|| missing("database"))?;
    tell(&keeper.key_file, make(&keeper.key_file, new_key)?);
    let login = format!("{}_a", arguments.role);
    tell(&keeper.credential, make(&keeper.credential, || new_credential(&login))?);
    let own = startup::credential(&keeper.credential)?;
    if own.user != login {
        let message = format!("the keeper's credential is of `{}`, not of `{login}`", own.user);
        return Err(Diagnostic::error(Code::Conflict, message)
            .help("name its role with `--role`, or remove the file")
            .into());
    }
    warn_of_plain_sinks(credentials);
    let setup = Setup {
        database: &database.name,
        owner: &credentials.rotating.owner,
        keeper: (&arguments.role, &login),
        verifier: &credential::verifier(&own.password),
    };
    show::print(format_args!("{}", sql(&setup)));
    Ok(Exit::Success)
}

fn tell(path: &Path, is_new: bool) {
    let how = if is_new { "is new" } else { "is there already, and stays as it is" };
    show::complain!("{} {how}", path.display());
}

/// A new key to seal with.
pub(in crate::cli) fn new_key() -> Result<Zeroizing<String>, String> {
    Key::generate().map_err(|error| error.to_string())
}

/// A first credential of `login`.
pub(in crate::cli) fn new_credential(login: &str) -> Result<Zeroizing<String>, String> {
    let password = credential::new_password().map_err(|error| error.to_string())?;
    Ok(Credential { generation: 1, user: login.to_owned(), password }.to_json())
}

/// Writes a file that only its owner reads, unless there is one; gives whether there was none.
///
/// # Errors
/// When it cannot be written.
pub(in crate::cli) fn make(
    path: &Path,
    text: impl FnOnce() -> Result<Zeroizing<String>, String>,
) -> Result<bool, Diagnostics> {
    let shown = path.display();
    let failed = |why: &dyn std::fmt::Display| {
        Diagnostics::from(Diagnostic::error(
            Code::Machine,
            format!("{shown} cannot be written: {why}"),
        ))
    };
    if path.exists() {
        return Ok(false);
    }
    let text = text().map_err(|why| failed(&why))?;
    let file = fs::File::options().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| failed(&error))?;
    Ok(true)
}

/// A folder that is not there is better found now than in the middle of a rotation.
fn warn_of_plain_sinks(credentials: &config::Credentials) {
    for sink in &credentials.sinks {
        let config::Sink::File { path, .. } = sink else { continue };
        if !path.parent().is_some_and(Path::is_dir) {
            show::complain!("warning: the folder of the sink {} is not there", path.display());
        }
    }
}
