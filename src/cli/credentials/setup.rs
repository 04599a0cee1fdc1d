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

pub(super) fn run(arguments: SetupArguments) -> Result<Exit, Diagnostics> {
    let config = Folder::from(arguments.folder).manifest()?.value;
    let missing = |table: &str| {
        let message = format!("the manifest has no `[{table}]`");
        Diagnostic::error(Code::MissingKey, message).help("see docs/rotation.md")
    };
    let keeper = config.keeper.as_ref().ok_or_else(|| missing("keeper"))?;
    let credentials = config.credentials.as_ref().ok_or_else(|| missing("credentials"))?;
    let database = config.database.as_ref().ok_or_else(|| missing("database"))?;
    make(&keeper.key_file, || Key::generate().map_err(|error| error.to_string()))?;
    let login = format!("{}_a", arguments.role);
    make(&keeper.credential, || {
        let password = credential::new_password().map_err(|error| error.to_string())?;
        Ok(Credential { generation: 1, user: login.clone(), password }.to_json())
    })?;
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

/// Writes a file that only its owner reads, unless there is one.
fn make(
    path: &Path,
    text: impl FnOnce() -> Result<zeroize::Zeroizing<String>, String>,
) -> Result<(), Diagnostics> {
    let shown = path.display();
    let failed = |why: &dyn std::fmt::Display| {
        Diagnostics::from(Diagnostic::error(
            Code::Machine,
            format!("{shown} cannot be written: {why}"),
        ))
    };
    if path.exists() {
        show::complain!("{shown} is there already, and stays as it is");
        return Ok(());
    }
    let text = text().map_err(|why| failed(&why))?;
    let file = fs::File::options().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| failed(&error))?;
    show::complain!("{shown} is new");
    Ok(())
}

/// A folder that is not there is better found now than in the middle of a rotation.
fn warn_of_plain_sinks(credentials: &config::Credentials) {
    for sink in &credentials.sinks {
        let config::Sink::File { path, .. } = sink;
        if !path.parent().is_some_and(Path::is_dir) {
            show::complain!("warning: the folder of the sink {} is not there", path.display());
        }
    }
}
