//! The private PostgreSQL of `howdah up`.
//!
//! Owns finding or fetching the binaries, the data folder and who may use it, starting and stopping
//! the server, the roles in it, and cleaning up after a `howdah up` that was killed. Does not own
//! what is put into the database (`migration`), nor when (`cli`).

mod cluster;
mod download;
mod environment;
mod folder;
mod locate;
mod orphan;
mod process;
mod progress;
mod roles;

pub use cluster::KEEPER;
pub use environment::{Account, Environment};
pub use progress::Progress;

use crate::{
    credential,
    diagnostic::{Code, Diagnostic, Diagnostics},
    postgres::{Target, session},
};
use cluster::{ADMIN, OWNER, PORT};
use folder::Folder;
use process::Process;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How long the server may take until it lets somebody in; it may have to recover from a crash.
const START_TIMEOUT: Duration = Duration::from_mins(2);
/// Where the keeper publishes the service's credential, in its folder.
pub const PUBLISHED: &str = "published";
/// How long opening one connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The service's folder: each has a PostgreSQL of its own.
    pub service_folder: PathBuf,
    /// The service's name, for people who look at folders and processes.
    pub service: String,
    /// The database that the manifest names.
    pub database: String,
    /// The role that the manifest names: it will read and write rows, and own nothing.
    pub user: String,
    /// Whether to throw away what was there.
    pub fresh: bool,
    /// Whether a keeper works there: then roles may sign in with a password, too.
    pub keeps: bool,
    /// Places and users; [`Environment::of_process`] but in a test.
    pub environment: Environment,
}

/// A server that runs until [`Running::stop`], or until this is dropped.
pub struct Running {
    /// How migrations and seeds sign in: as the database's owner.
    pub owner: Target,
    /// How the service signs in.
    pub service: Target,
    /// The superuser, in the same database.
    pub admin: Target,
    /// What the server calls its version: `15.18 (Debian …)`.
    pub version: String,
    process: Process,
    folder: Folder,
    log_from: u64,
}

/// Starts the private PostgreSQL of a service, and makes what is missing: binaries, data folder,
/// roles, database.
///
/// # Errors
/// There are no binaries; the folder is in use, or not ours, or of another major version; the
/// server does not start. The server's own words are in the notes.
pub async fn start(
    options: &Options,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Running, Diagnostics> {
    start_or_tell(options, progress).await.map_err(Diagnostics::from)
}

async fn start_or_tell(
    options: &Options,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Running, Box<Diagnostic>> {
    let Options { environment, database, user, .. } = options;
    roles::check(database, user)?;
    let folder = Folder::open(environment, &options.service, &options.service_folder)?;
    orphan::stop(&folder.data(), progress).await;
    if options.fresh && folder.discard()? {
        progress(Progress::Discarded);
    } else if folder.discard_unfinished()? {
        progress(Progress::Unfinished);
    }
    let made_by = folder.major()?;
    let binaries = locate::find(environment, made_by, progress).await?;
    if made_by.is_none() {
        let since = Instant::now();
        progress(Progress::Initialising { version: binaries.version.clone() });
        cluster::initialise(environment, &folder, &binaries).await?;
        progress(Progress::Initialised { duration_ms: elapsed_ms(since) });
    }
    let since = Instant::now();
    let name = &options.service;
    let command = cluster::server(environment, &folder, &binaries, name, user, options.keeps)?;
    let log_from = std::fs::metadata(folder.log_path()).map_or(0, |log| log.len());
    let process = Process::spawn(command)
        .map_err(|error| folder::failed("run", &binaries.postgres(), &error))?;
    let target = target(&folder, "postgres", ADMIN)?;
    let version = ready(&process, &target, &folder, log_from).await?;
    let published = folder.keeper().join(PUBLISHED).join(credential::FILE_NAME);
    let signs_in = !(options.keeps && published.exists());
    roles::ensure(&target, database, user, signs_in).await?;
    progress(Progress::Started { version: version.clone(), duration_ms: elapsed_ms(since) });
    Ok(Running {
        owner: Target { user: OWNER.to_owned(), database: database.clone(), ..target.clone() },
        admin: Target { database: database.clone(), ..target.clone() },
        service: Target { user: user.clone(), database: database.clone(), ..target },
        version,
        process,
        folder,
        log_from,
    })
}

impl Running {
    /// The folder with everything that belongs to this server.
    pub fn folder(&self) -> &Path {
        self.folder.root()
    }

    /// The folder of the keeper's files; whoever runs a keeper makes it.
    pub fn keeper_folder(&self) -> PathBuf {
        self.folder.keeper()
    }

    /// The folder of its socket: `psql -h FOLDER`.
    pub fn socket(&self) -> &Path {
        self.folder.socket()
    }

    /// Waits until the server ends by itself, and says how.
    pub async fn ended(&self) -> Diagnostic {
        let status = self.process.ended().await;
        let mut diagnostic =
            Diagnostic::error(Code::Machine, format!("the private PostgreSQL ended: {status}"));
        for line in self.folder.log_tail(self.log_from) {
            diagnostic = diagnostic.note(line);
        }
        diagnostic.help(format!("its log is {}", self.folder.log_path().display()))
    }

    /// Stops the server and waits until it is gone: a fast shutdown, which ends its connections and
    /// writes all data; when that takes more than 20 s, an immediate one.
    pub async fn stop(self) {
        let Self { process, folder, .. } = self;
        process.stop().await;
        if !folder.socket().starts_with(folder.root()) {
            let _ = std::fs::remove_dir(folder.socket());
        }
    }
}

fn target(folder: &Folder, database: &str, user: &str) -> Result<Target, Box<Diagnostic>> {
    let host = folder.socket().to_str().ok_or_else(|| {
        let message = format!("{} is not UTF-8", folder.socket().display());
        Diagnostic::error(Code::Machine, message)
            .help("set XDG_DATA_HOME to a folder whose name is")
            .boxed()
    })?;
    Ok(Target {
        host: host.to_owned(),
        port: PORT,
        database: database.to_owned(),
        user: user.to_owned(),
        // The server knows us by the socket: our user's number comes from the kernel.
        password: None,
        connect_timeout: CONNECT_TIMEOUT,
        application_name: "howdah up".to_owned(),
        also: Vec::new(),
        direct: Vec::new(),
        session: crate::config::SessionAttrs::Any,
        shuffles: false,
        tls: std::sync::Arc::default(),
    })
}

/// Waits until the server lets us in; gives its version.
async fn ready(
    process: &Process,
    target: &Target,
    folder: &Folder,
    log_from: u64,
) -> Result<String, Box<Diagnostic>> {
    let since = Instant::now();
    loop {
        let error = match session::connect(target).await {
            Ok(session) => {
                let version = session.version().to_owned();
                session.close().await;
                return Ok(version);
            }
            Err(error) => error,
        };
        let message = match process.exit() {
            Some(status) => format!("the private PostgreSQL does not start: {status}"),
            None if !error.reason().is_passing() => {
                format!("the private PostgreSQL does not let us in: {error}")
            }
            None if since.elapsed() > START_TIMEOUT => {
                format!("the private PostgreSQL is not ready after {} s", START_TIMEOUT.as_secs())
            }
            None => {
                sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let mut diagnostic = Diagnostic::error(Code::Machine, message);
        for line in folder.log_tail(log_from) {
            diagnostic = diagnostic.note(line);
        }
        let help = format!("its log is {}", folder.log_path().display());
        return Err(diagnostic.help(help).boxed());
    }
}

fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
