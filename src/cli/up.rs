//! `howdah up`: a private PostgreSQL, the service on it, and whatever changes in the folder.

use super::{
    Exit, Up, migrate, posture,
    serve::{Signals, block_on, metrics, warn},
    show,
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    embedded::{self, Environment, Running},
    event::{Event, Observer},
    http::server::Served,
    identity,
    migration::{self, Migrations},
    observe,
    postgres::{Target, session},
    service::{Service, ServiceDefinition},
    startup::Folder,
    supervise::{self, AdminPlace, Attempt, Places, Supervisor, attempt},
    watch::{Changed, Watch},
};
use std::{fmt::Write, path::PathBuf, sync::Arc};

/// What the command line asks for.
struct Wish {
    folder: Folder,
    threads: usize,
    ready_file: Option<PathBuf>,
    fresh: bool,
    watch: bool,
}

pub(super) fn run(arguments: Up) -> Exit {
    let wish = Wish {
        folder: arguments.listen.folder(arguments.folder),
        threads: arguments.listen.threads(),
        ready_file: arguments.listen.ready_file,
        fresh: arguments.fresh,
        watch: !arguments.no_watch,
    };
    match block_on(up(wish)).and_then(|inner| inner) {
        Ok(()) => Exit::Success,
        Err(found) => show::failed(&found),
    }
}

async fn up(wish: Wish) -> Result<(), Diagnostics> {
    let read = wish.folder.definition()?;
    show::diagnostics(&read.warnings);
    let definition = read.value;
    identity::load(&definition.authority)?;
    // Before the database starts, so that no signal finds nobody to stop it.
    let mut signals = Signals::listen()?.or_hangup();
    // And before the first start, which takes seconds in which somebody may save a file.
    let watch = if wish.watch { Some(Watch::start(&wish.folder.directory)?) } else { None };
    show::say!("{} {}\n", definition.config.service.name, definition.config.service.version);
    let Some(database) = &definition.config.database else {
        return serve(&wish, &definition, None, watch, &mut signals).await;
    };
    // A port that is taken is told now, not after a first start of several seconds.
    supervise::check_address(&definition.config.listen.http)?;
    let options = embedded::Options {
        service_folder: wish.folder.directory.clone(),
        service: definition.config.service.name.clone(),
        database: database.name.clone(),
        user: database.user.clone(),
        fresh: wish.fresh,
        environment: Environment::of_process(),
    };
    let tell = |progress: embedded::Progress| show::say!("  {progress}");
    let running = tokio::select! {
        running = embedded::start(&options, &tell) => running?,
        () = signals.end() => return Ok(()),
    };
    let outcome = serve(&wish, &definition, Some(&running), watch, &mut signals).await;
    running.stop().await;
    outcome
}

async fn serve(
    wish: &Wish,
    definition: &ServiceDefinition,
    running: Option<&Running>,
    watch: Option<Watch>,
    signals: &mut Signals,
) -> Result<(), Diagnostics> {
    let service = tokio::select! {
        service = make(&wish.folder, definition, running, None) => service?,
        () = signals.end() => return Ok(()),
    };
    let target = running.map(|running| Arc::new(running.service.clone()));
    let served = Served { service: Arc::new(service), target };
    // Not before the lines above: a person reads them in order.
    observe::start(&definition.config.log);
    let metrics = metrics(definition);
    let observer = metrics.observer(observe::observer());
    let places = Places::take(&served.service.config.listen, AdminPlace::OrAnotherPort)?;
    let supervisor = Supervisor::start(&served, wish.threads, &observer, &metrics, places)?;
    posture::publish(&supervisor, wish.folder.directory.clone());
    if let Some(file) = &wish.ready_file {
        supervisor.announce(file)?;
    }
    show::say!("{}", greeting(&served.service, &supervisor));
    let follow = Follow { folder: &wish.folder, running, supervisor: &supervisor, observer };
    let outcome = tokio::select! {
        () = signals.end() => Ok(()),
        never = follow.changes(watch) => match never {},
        diagnostic = ended(running) => Err(Diagnostics::from(diagnostic)),
    };
    let drained = supervisor.drain();
    tokio::select! {
        _ = drained => {}
        () = signals.end() => {}
    }
    outcome
}

async fn ended(running: Option<&Running>) -> Diagnostic {
    match running {
        Some(running) => running.ended().await,
        None => std::future::pending().await,
    }
}

/// Brings the database to what the folder says, and asks it about the service, which is to be served
/// after `before`.
async fn make(
    folder: &Folder,
    definition: &ServiceDefinition,
    running: Option<&Running>,
    before: Option<&Service>,
) -> Result<Service, Diagnostics> {
    let Some(running) = running else { return Service::without_database(definition) };
    let migrations = Migrations::parse(&folder.migrations()?)?;
    let seeds = folder.seeds()?;
    let mut session = session::connect(&running.owner).await?;
    migration::apply(&mut session, &migrations, &migrate::tell).await?;
    migration::seed(&mut session, &seeds, &migrate::tell).await?;
    session.close().await;
    prepared(definition, &running.service, before).await
}

async fn prepared(
    definition: &ServiceDefinition,
    target: &Target,
    before: Option<&Service>,
) -> Result<Service, Diagnostics> {
    match attempt(definition, target, before).await {
        Attempt::Prepared(service, warnings) => {
            show::diagnostics(&warnings);
            Ok(*service)
        }
        Attempt::Away(found) | Attempt::Wrong(found) => Err(found),
    }
}

/// Follows the folder's changes.
struct Follow<'a> {
    folder: &'a Folder,
    running: Option<&'a Running>,
    supervisor: &'a Supervisor,
    observer: Observer,
}

impl Follow<'_> {
    async fn changes(&self, watch: Option<Watch>) -> std::convert::Infallible {
        let Some(mut watch) = watch else { return std::future::pending().await };
        loop {
            let changed = watch.changed().await;
            show::say!("\n  {}", words(&changed));
            match self.reload().await {
                Ok(routes) => (self.observer)(&Event::Reloaded { routes }),
                Err(found) => {
                    show::diagnostics(&found);
                    (self.observer)(&Event::ReloadRefused { errors: found.counts().0 });
                }
            }
        }
    }

    /// Serves what the folder says now, or leaves what is served as it is.
    async fn reload(&self) -> Result<usize, Diagnostics> {
        let mut read = self.folder.definition()?;
        warn(&self.observer, &read.warnings);
        let Served { service: before, target } = self.supervisor.served().borrow().clone();
        if read.value.config.database.is_some() && self.running.is_none() {
            return Err(Diagnostic::error(Code::Conflict, "`[database]` is new")
                .help("start `howdah up` again, so that it starts a PostgreSQL")
                .into());
        }
        let waits = read.value.go_on_from(&before);
        if !waits.is_empty() {
            let message = format!("`{}` changed: start `howdah up` again", waits.join("`, `"));
            (self.observer)(&Event::Warning { message: &message });
        }
        identity::load(&read.value.authority)?;
        let service = make(self.folder, &read.value, self.running, Some(&before)).await?;
        let service = Arc::new(service);
        let routes = service.entries().len();
        self.supervisor.replace(&Served { service, target });
        Ok(routes)
    }
}

fn words(changed: &Changed) -> String {
    let names: Vec<String> =
        changed.files.iter().take(3).map(|file| file.display().to_string()).collect();
    let more = changed.files.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("changed: {}{more}", names.join(", "))
}

/// What a person wants to know when it is up: where, and what to try.
fn greeting(service: &Service, supervisor: &Supervisor) -> String {
    let addresses = supervisor.addresses();
    let base = if addresses.http.starts_with("unix:") {
        addresses.http.clone()
    } else {
        format!(
            "http://{}",
            addresses.http.replace("0.0.0.0", "localhost").replace("[::]", "localhost")
        )
    };
    let mut text = String::new();
    // Writing into a String does not fail.
    let _ = writeln!(text, "\n  Serving on {base}");
    if let Some(admin) = &addresses.admin {
        let _ = writeln!(text, "  for operators: http://{admin}/ready");
    }
    text.push('\n');
    for entry in service.entries() {
        let _ = writeln!(text, "  {:<6} {base}{}", entry.method.as_str(), entry.example());
    }
    text.push_str("\n  Ctrl-C stops it.\n");
    text
}
