//! `howdah serve`, and what it shares with `up`: the main thread's runtime and signals.

use super::{Exit, Serve, harden, posture, show, slow};
use crate::{
    advice::Slow,
    config::Scheduling,
    diagnostic::{Code, Diagnostic, Diagnostics},
    event::{Event, Observer},
    hardening::User,
    http::server::Served,
    identity,
    metrics::Metrics,
    observe,
    postgres::Target,
    scheduling,
    service::{Service, ServiceDefinition},
    startup::{self, Folder, SigningIn, Stamps},
    supervise::{AdminPlace, Attempt, Places, Supervisor, attempt_told, follow, reload::Reload},
};
use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::LocalSet,
};

pub(super) fn run(arguments: Serve) -> Exit {
    let user = match harden::who(&arguments.who) {
        Ok(user) => user,
        Err(found) => return show::failed(&found.into()),
    };
    let folder = arguments.listen.folder(arguments.folder);
    let threads = arguments.listen.threads();
    let ready_file = arguments.listen.ready_file;
    match prepare(&folder, user, ready_file.as_deref()).and_then(|ready| {
        block_on(serve(&folder, ready, threads, ready_file)).and_then(|inner| inner)
    }) {
        Ok(()) => Exit::Success,
        Err(found) => show::failed(&found),
    }
}

/// What is there before any thread but the main one.
struct Prepared {
    /// The folder's files before they were read.
    seen: Stamps,
    definition: ServiceDefinition,
    warnings: Diagnostics,
    places: Places,
}

/// Reads the folder, takes the addresses, and gives up everything else.
fn prepare(
    folder: &Folder,
    user: Option<User>,
    ready_file: Option<&Path>,
) -> Result<Prepared, Diagnostics> {
    let seen = folder.stamps();
    let mut read = folder.definition()?;
    let definition = read.value;
    let places = Places::take(&definition.config.listen, AdminPlace::AsConfigured)?;
    let config = &definition.config;
    // What is hardened may not ask for it.
    if config.process.scheduling == Scheduling::Batch
        && let Err(reason) = scheduling::batch()
    {
        let message = format!("threads are scheduled as those of other programs: {reason}");
        let help = "`scheduling = \"normal\"` in `[process]` has them so without this warning";
        read.warnings.push(Diagnostic::warning(Code::Machine, message).help(help));
    }
    let shortfalls = harden::now(config, &harden::service(folder, config, user, ready_file))?;
    read.warnings.append(shortfalls);
    Ok(Prepared { seen, definition, warnings: read.warnings, places })
}

/// Runs `future` on the main thread.
pub(super) fn block_on<F: Future>(future: F) -> Result<F::Output, Diagnostics> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Diagnostic::error(Code::Machine, format!("the process has no room to start: {error}"))
    })?;
    Ok(LocalSet::new().block_on(&runtime, future))
}

async fn serve(
    folder: &Folder,
    prepared: Prepared,
    threads: usize,
    ready_file: Option<PathBuf>,
) -> Result<(), Diagnostics> {
    let Prepared { seen, mut definition, warnings, places } = prepared;
    identity::load(&definition.authority)?;
    startup::take_cursor_key(&mut definition)?;
    observe::start(&definition.config.log);
    let metrics = metrics(&definition);
    let (observer, slow) = Slow::watch(metrics.observer(observe::observer()));
    warn(&observer, &warnings);
    let signing_in = definition.config.database.as_ref().map(startup::signing_in).transpose()?;
    let target = signing_in.as_ref().map(|it| Arc::new(it.target.clone()));
    let mut signals = Signals::listen()?;
    let hangups = Signals::open(SignalKind::hangup())?;
    let served = tokio::select! {
        served = first(&definition, target, &observer) => served?,
        () = signals.end() => return Ok(()),
    };
    let supervisor = Supervisor::start(&served, threads, &observer, &metrics, places)?;
    posture::publish(&supervisor, folder.directory.clone());
    let reload = Reload::new(folder, seen, &definition, &supervisor, &observer);
    let shown =
        follow::publish(&supervisor, signing_in.as_ref().and_then(|it| it.credential.as_ref()));
    let credential = async {
        let database = definition.config.database.as_ref().map(startup::place);
        match (signing_in, database) {
            (Some(SigningIn { path: Some(path), credential, .. }), Some(place)) => {
                follow::follow(&path, &place, credential, &shown, &supervisor, &observer).await
            }
            _ => std::future::pending().await,
        }
    };
    if let Some(file) = ready_file {
        supervisor.announce(&file)?;
    }
    let failure = tokio::select! {
        () = signals.end() => None,
        failure = reload.follow(hangups) => Some(failure),
        never = credential => match never {},
        never = slow::advise(&supervisor, slow, &observer) => match never {},
    };
    let drained = supervisor.drain();
    tokio::select! {
        _ = drained => {}
        () = signals.end() => {}
    }
    failure.map_or(Ok(()), Err)
}

/// What is counted while `definition` is served.
pub(super) fn metrics(definition: &ServiceDefinition) -> Arc<Metrics> {
    let service = &definition.config.service;
    Metrics::new(&service.name, &service.version)
}

/// The service as the database sees it now, or, while that is away, as far as it goes without. So it
/// is when the database refuses a credential that is followed: the keeper mends it, or
/// publishes another.
async fn first(
    definition: &ServiceDefinition,
    target: Option<Arc<Target>>,
    observer: &Observer,
) -> Result<Served, Diagnostics> {
    let service = match &target {
        None => Service::without_database(definition)?,
        Some(target) => match attempt_told(definition, target, None).await {
            Attempt::Prepared(service, warnings) => {
                warn(observer, &warnings);
                *service
            }
            Attempt::Refused(diagnostics) if definition.follows_credential() => {
                warn(observer, &diagnostics);
                let message = "the credential is refused: the service waits, tries it again, and \
                    follows its file";
                observer(&Event::Warning { message });
                Service::without_database(definition)?
            }
            Attempt::Wrong(diagnostics) | Attempt::Refused(diagnostics) => return Err(diagnostics),
            Attempt::Away(diagnostics) => {
                warn(observer, &diagnostics);
                Service::without_database(definition)?
            }
        },
    };
    Ok(Served { service: Arc::new(service), target })
}

/// Tells warnings to the log.
pub(super) fn warn(observer: &Observer, found: &Diagnostics) {
    for diagnostic in found.iter() {
        observer(&Event::Warning { message: diagnostic.message() });
    }
}

/// SIGTERM and SIGINT, and for `up` SIGHUP.
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    /// Takes the two signals over.
    pub(super) fn listen() -> Result<Self, Diagnostics> {
        Ok(Self {
            terminate: Self::open(SignalKind::terminate())?,
            interrupt: Self::open(SignalKind::interrupt())?,
            hangup: None,
        })
    }

    /// Takes one signal over.
    fn open(kind: SignalKind) -> Result<tokio::signal::unix::Signal, Diagnostics> {
        signal(kind).map_err(|error| {
            let message = format!("signals cannot be heard: {error}");
            Diagnostics::from(Diagnostic::error(Code::Machine, message))
        })
    }

    /// Takes SIGHUP over too, unless `nohup` has it ignored: a terminal that is closed must not
    /// leave a database behind.
    #[cfg(feature = "full")]
    pub(super) fn or_hangup(mut self) -> Self {
        if !hangup_is_ignored() {
            self.hangup = signal(SignalKind::hangup()).ok();
        }
        self
    }

    /// Resolves when the process is asked to end.
    pub(super) async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = hung_up(self.hangup.as_mut()) => {}
        }
    }
}

async fn hung_up(hangup: Option<&mut tokio::signal::unix::Signal>) {
    match hangup {
        Some(hangup) => drop(hangup.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether the first signal's bit is set among those that are ignored (proc(5)).
#[cfg(feature = "full")]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|it| it & 1 == 1)
}
