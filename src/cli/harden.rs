//! What `serve` and `keeper` give up before they begin, from the command line and the manifest.

mod keeper;
mod sinks;

pub(super) use keeper::keeper;

use super::WhoArgs;
use crate::{
    builtin::ping,
    config::{Address, Authorities, Config, Database, KeySource, SslMode},
    definition::route::Action,
    diagnostic::{Code, Diagnostic, Diagnostics},
    hardening::{self, Needs, Process, User},
    startup::Folder,
};
use rustix::process::geteuid;
use std::path::{Path, PathBuf};

/// The user to become, when there is one.
///
/// # Errors
/// When the process is root's and nobody said that it may be, or there is no such user.
pub(super) fn who(who: &WhoArgs) -> Result<Option<User>, Box<Diagnostic>> {
    let user = who.user.as_deref().map(User::find).transpose()?;
    if user.is_some() || who.allow_root || !geteuid().is_root() {
        return Ok(user);
    }
    Err(Diagnostic::error(Code::Machine, "root must not serve")
        .help(
            "start it as another user, or let it become one once the listeners are open: \
             `--user NAME`; `--allow-root` serves as root all the same",
        )
        .boxed())
}

/// What `serve` needs.
pub(super) fn service(
    folder: &Folder,
    config: &Config,
    user: Option<User>,
    ready_file: Option<&Path>,
) -> Needs {
    let sockets = [Some(&config.listen.http), config.listen.admin.as_ref()];
    Needs {
        process: Process::Service,
        user,
        reads: reads(folder, config),
        writes: writes(sockets.into_iter().flatten(), ready_file),
        raw_sockets: pings(config) && !ping::needs_no_capability(),
        confines_files: config.hardening.files,
        filters_calls: config.hardening.system_calls,
    }
}

/// Gives up everything but `needs`. Gives a warning for each measure that the kernel
/// lacks.
///
/// # Errors
/// When one is lacking and `hardening.required` is on, or the user cannot be changed.
pub(super) fn now(config: &Config, needs: &Needs) -> Result<Diagnostics, Diagnostics> {
    let shortfalls = hardening::apply(needs)?;
    let required = config.hardening.required;
    let told: Diagnostics = shortfalls
        .iter()
        .map(|shortfall| {
            let message = shortfall.to_string();
            if required {
                Diagnostic::error(Code::Machine, message)
                    .help("`hardening.required` is on; `off` serves without, with a warning")
            } else {
                Diagnostic::warning(Code::Machine, message)
            }
        })
        .collect();
    if required && !shortfalls.is_empty() { Err(told) } else { Ok(told) }
}

fn pings(config: &Config) -> bool {
    config.routes.iter().any(|route| matches!(route.action, Action::Ping { .. }))
}

/// What is read again while it serves: the folder on a reload, secrets that change. Of a secret the
/// whole directory, for it is replaced by another file of the name, or the directory behind a link.
fn reads(folder: &Folder, config: &Config) -> Vec<PathBuf> {
    let mut reads = vec![folder.directory.clone()];
    reads.extend(behind_link(&folder.directory));
    if let Some(database) = &config.database {
        let credential = database.credential.as_deref();
        reads.extend(credential.into_iter().map(Path::to_owned));
        reads.extend(credential.map(directory_of));
        reads.extend(of_database(database));
    }
    reads.extend(config.auth.keys_file.as_deref().map(directory_of));
    reads.extend(config.answers.cursor_key_file.as_deref().map(directory_of));
    if let Some(tls) = &config.tls {
        let files = [Some(&tls.certificate), Some(&tls.key), tls.client_authority.as_ref()];
        reads.extend(files.into_iter().flatten().map(|path| directory_of(path)));
    }
    reads.extend(of_issuers(config.issuers.values().map(|it| &it.keys)));
    reads
}

/// What signing in to the database reads: the password, certificates; and the connection URL, which is read
/// with the manifest.
fn of_database(database: &Database) -> Vec<PathBuf> {
    let mut reads = Vec::new();
    let authorities = match &database.sslrootcert {
        Some(Authorities::File(path)) => Some(path.as_path()),
        Some(Authorities::System) | None => None,
    };
    if authorities.is_none() && database.sslmode >= Some(SslMode::VerifyFull)
        || database.sslrootcert == Some(Authorities::System)
    {
        reads.extend(certificates());
    }
    let tls = [authorities, database.sslcert.as_deref(), database.sslkey.as_deref()];
    let secrets = [database.password_file.as_deref(), database.url_file.as_deref()];
    let files = tls.into_iter().chain(secrets);
    reads.extend(files.flatten().map(directory_of));
    reads
}

/// What verifying callers' tokens reads.
fn of_issuers<'a>(keys: impl Iterator<Item = &'a KeySource>) -> Vec<PathBuf> {
    let mut reads = Vec::new();
    for source in keys {
        match source {
            KeySource::File(path) | KeySource::Secret(path) => reads.push(directory_of(path)),
            KeySource::Discovery | KeySource::Url(_) => reads.extend(certificates()),
        }
    }
    reads
}

/// The directory of what `folder` leads to, when it is a link: it may be turned to a neighbour.
fn behind_link(folder: &Path) -> Option<PathBuf> {
    let link = std::fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink());
    let target = link.then(|| folder.canonicalize().ok()).flatten()?;
    Some(directory_of(&target))
}

/// Where the certificates are that issuers and databases are known by: where the environment says, and
/// where distributions keep them.
fn certificates() -> Vec<PathBuf> {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(std::env::var_os);
    let usual =
        ["/etc/ssl", "/etc/pki", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates"];
    let all = named.map(PathBuf::from).chain(usual.map(PathBuf::from));
    all.filter(|path| path.exists()).collect()
}

/// Where files are made and removed: the ready file, and the sockets that go with the listeners.
fn writes<'a>(
    listeners: impl Iterator<Item = &'a Address>,
    ready_file: Option<&'a Path>,
) -> Vec<PathBuf> {
    let sockets = listeners.filter_map(|address| match address {
        Address::Unix(path) => Some(path.as_path()),
        Address::Tcp(..) => None,
    });
    sockets.chain(ready_file).map(directory_of).collect()
}

/// The directory of a file; the file itself where that is the root of all.
fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent == Path::new("") => PathBuf::from("."),
        Some(parent) if parent != Path::new("/") => parent.to_owned(),
        _ => path.to_owned(),
    }
}
