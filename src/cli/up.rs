//! `howdah up`: a private PostgreSQL, the service on it, and whatever changes in the folder. With a
//! keeper, where the manifest has one or an endpoint's requests go to the audit trail.

mod kept;

use super::{
    Exit,
    full::Up,
    migrate, posture,
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
    startup::{self, Folder, SigningIn},
    supervise::{self, AdminPlace, Attempt, Places, Supervisor, attempt_told, follow},
    watch::{Changed, Watch},
};
use kept::Kept;
use std::{fmt::Write, path::PathBuf, sync::Arc};

/// What the command line asks for.
struct Wish {
    folder: Folder,
    threads: usize,
    ready_file: Option<PathBuf>,
    fresh: bool,
    watch: bool,
    keeps: bool,
}

pub(super) fn run(arguments: Up) -> Exit {
    let wish = Wish {
        folder: arguments.listen.folder(arguments.folder),
        threads: arguments.listen.threads(),
        ready_file: arguments.listen.ready_file,
        fresh: arguments.fresh,
        watch: !arguments.no_watch,
        keeps: arguments.keeper,
    };
    match block_on(up(wish)).and_then(|inner| inner) {
        Ok(()) => Exit::Success,
        Err(found) => show::failed(&found),
    }
}

async fn up(wish: Wish) -> Result<(), Diagnostics> {
    let read = wish.folder.definition()?;
    show::diagnostics(&read.warnings);
    let mut definition = read.value;
    identity::load(&definition.authority)?;
    startup::take_cursor_key(&mut definition)?;
    // Before the database starts, so that no signal finds nobody to stop it.
    let mut signals = Signals::listen()?.or_hangup();
    // And before the first start, which takes seconds in which somebody may save a file.
    let watch = if wish.watch { Some(Watch::start(&wish.folder.directory)?) } else { None };
    show::say!("{} {}\n", definition.config.service.name, definition.config.service.version);
    let Some(database) = &definition.config.database else {
        return Box::pin(serve(&wish, &definition, None, watch, &mut signals)).await;
    };
    // A port that is taken is told now, not after a first start of several seconds.
    supervise::check_address(&definition.config.listen.http)?;
    let options = embedded::Options {
        service_folder: wish.folder.directory.clone(),
        service: definition.config.service.name.clone(),
        database: database.name.clone(),
        user: database.user.clone(),
        fresh: wish.fresh,
        keeps: wish.keeps || needs_keeper(&definition),
        environment: Environment::of_process(),
    };
    let tell = |progress: embedded::Progress| show::say!("  {progress}");
    let running = tokio::select! {
        running = embedded::start(&options, &tell) => running?,
        () = signals.end() => return Ok(()),
    };
    let outcome = Box::pin(serve(&wish, &definition, Some(&running), watch, &mut signals)).await;
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
    let made = tokio::select! {
        made = begin(wish, definition, running) => made?,
        () = signals.end() => return Ok(()),
    };
    let Begun { service, definition, kept, signing_in } = made;
    let definition = &definition;
    let target = match (&signing_in, running) {
        (Some(signing_in), _) => Some(Arc::new(signing_in.target.clone())),
        (None, running) => running.map(|running| Arc::new(running.service.clone())),
    };
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
    let credential = async {
        let place = definition.config.database.as_ref().map(startup::place);
        let current = signing_in.as_ref().and_then(|it| it.credential.as_ref());
        match (&signing_in, place) {
            (Some(SigningIn { path: Some(path), credential, .. }), Some(place)) => {
                let shown = follow::publish(&supervisor, current);
                let current = credential.clone();
                follow::follow(path, &place, current, &shown, &supervisor, &observer).await
            }
            _ => std::future::pending().await,
        }
    };
    let keeping = async {
        match &kept {
            Some(kept) => kept.run(&definition.config, &definition.digest, &observer).await,
            None => std::future::pending().await,
        }
    };
    let follow = Follow {
        folder: &wish.folder,
        running,
        kept: kept.as_ref(),
        supervisor: &supervisor,
        observer: observer.clone(),
    };
    let outcome = tokio::select! {
        () = signals.end() => Ok(()),
        never = credential => match never {},
        failure = keeping => Err(failure),
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

/// What is there before anything is served.
struct Begun {
    service: Service,
    /// As it holds here: with the private database, where there is a keeper.
    definition: ServiceDefinition,
    kept: Option<Kept>,
    /// As whom the service signs in, where the keeper rotates that.
    signing_in: Option<SigningIn>,
}

async fn begin(
    wish: &Wish,
    definition: &ServiceDefinition,
    running: Option<&Running>,
) -> Result<Begun, Diagnostics> {
    let mut definition = definition.clone();
    let Some(running) = running else {
        let service = Service::without_database(&definition)?;
        return Ok(Begun { service, definition, kept: None, signing_in: None });
    };
    bring(&wish.folder, running).await?;
    if !wish.keeps && !needs_keeper(&definition) {
        let service = prepared(&definition, &running.service, None).await?;
        return Ok(Begun { service, definition, kept: None, signing_in: None });
    }
    let kept = Kept::prepare(running, &definition.config).await?;
    kept.adjust(&mut definition.config);
    let signing_in = definition.config.database.as_ref().map(startup::signing_in).transpose()?;
    let target = signing_in.as_ref().map_or(&running.service, |it| &it.target);
    let service = prepared(&definition, target, None).await?;
    Ok(Begun { service, definition, kept: Some(kept), signing_in })
}

/// Whether it cannot be tried without a keeper: it has one, or writes to the trail that a keeper keeps.
fn needs_keeper(definition: &ServiceDefinition) -> bool {
    definition.config.keeper.is_some() || is_audited(definition)
}

fn is_audited(definition: &ServiceDefinition) -> bool {
    definition.endpoints.iter().any(|it| it.audit.is_some())
}

/// Brings the database to what the folder says.
async fn bring(folder: &Folder, running: &Running) -> Result<(), Diagnostics> {
    let migrations = Migrations::parse(&folder.migrations()?)?;
    let seeds = folder.seeds()?;
    let mut session = session::connect(&running.owner).await?;
    migration::apply(&mut session, &migrations, &migrate::tell).await?;
    migration::seed(&mut session, &seeds, &migrate::tell).await?;
    session.close().await;
    Ok(())
}

async fn prepared(
    definition: &ServiceDefinition,
    target: &Target,
    before: Option<&Service>,
) -> Result<Service, Diagnostics> {
    match attempt_told(definition, target, before).await {
        Attempt::Prepared(service, warnings) => {
            show::diagnostics(&warnings);
            Ok(*service)
        }
        Attempt::Away(found) | Attempt::Refused(found) | Attempt::Wrong(found) => Err(found),
    }
}

/// Follows the folder's changes.
struct Follow<'a> {
    folder: &'a Folder,
    running: Option<&'a Running>,
    kept: Option<&'a Kept>,
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
        if let Some(kept) = self.kept {
            kept.adjust(&mut read.value.config);
        }
        let Served { service: before, target } = self.supervisor.served().borrow().clone();
        if self.running.is_some() && self.kept.is_none() && is_audited(&read.value) {
            return Err(Diagnostic::error(Code::Conflict, "`audit` is new")
                .help("start `howdah up` again, so that it runs a keeper")
                .into());
        }
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
        startup::take_cursor_key(&mut read.value)?;
        // The keeper may have given it another login since.
        let service = match (self.running, &target) {
            (Some(running), Some(target)) => {
                bring(self.folder, running).await?;
                prepared(&read.value, target, Some(&before)).await?
            }
            _ => Service::without_database(&read.value)?,
        };
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
