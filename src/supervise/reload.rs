//! Following the service folder while it is served.
//!
//! Owns when the folder is read again, what becomes of what it says, and the page that tells of it.
//! Does not own reading it (`startup`), nor how a thread goes over to another service (`http`).
//!
//! The folder is looked at, not listened to: that sees links that are swapped and shared mounts
//! (docs/decisions/0270). Nothing of a change is served until all of it was read and the database has
//! typed every statement.

use super::{Attempt, Supervisor, attempt_told};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Severity},
    event::{Event, Observer},
    http::{
        response::{Answer, JSON},
        server::Served,
    },
    identity,
    service::{Service, ServiceDefinition},
    startup::{self, Folder, Stamps},
};
use serde_json::{Value, json};
use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};
use tokio::{signal::unix::Signal, time::sleep};

/// The first wait before the database is asked again.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait while it is away: the service follows its return within a second.
const LONGEST_WAIT: Duration = Duration::from_millis(800);
/// The longest wait while it refuses the login: each attempt is a line in the server's log.
const LONGEST_DENIAL: Duration = Duration::from_secs(2);
/// The longest wait when it refuses a statement: a migration may mend that.
const LONGEST_PATIENCE: Duration = Duration::from_secs(30);
/// How often the folder is looked at for the end of a change that came while it was read.
const SETTLING: Duration = Duration::from_millis(200);
/// Errors of one folder that are told.
const MOST_TOLD: usize = 20;

/// Where the operators' listener tells of it.
const PATH: &str = "/reload";

/// What operators are told.
#[derive(Default)]
struct Told {
    /// When what is served was read, unless that was at the start.
    taken_at: Option<u64>,
    /// When the folder was found wrong, and why, while that lasts.
    refused: Option<(u64, Value)>,
    /// Settings that have changed and wait for a start.
    waits_for_restart: Vec<&'static str>,
}

/// Follows a service folder.
pub struct Reload<'a> {
    folder: &'a Folder,
    supervisor: &'a Supervisor,
    observer: &'a Observer,
    /// The files that were read last, as they were before.
    seen: Stamps,
    candidate: Option<Candidate>,
    told: Rc<RefCell<Told>>,
}

/// A definition that the database has not typed yet.
struct Candidate {
    definition: ServiceDefinition,
    warnings: Diagnostics,
    waits_for_restart: Vec<&'static str>,
    wait: Duration,
    /// What was told of it.
    refused: Option<Diagnostics>,
}

impl Candidate {
    fn new(definition: ServiceDefinition, warnings: Diagnostics) -> Self {
        let waits_for_restart = Vec::new();
        Self { definition, warnings, waits_for_restart, wait: FIRST_WAIT, refused: None }
    }
}

impl<'a> Reload<'a> {
    /// Follows `folder`, of which `definition` was read after it was as `seen`. Hangs the page
    /// `/reload` on the operators' listener.
    pub fn new(
        folder: &'a Folder,
        seen: Stamps,
        definition: &ServiceDefinition,
        supervisor: &'a Supervisor,
        observer: &'a Observer,
    ) -> Self {
        let served = supervisor.served();
        let pending = {
            let served = served.borrow();
            served.service.is_pending() && served.target.is_some()
        };
        let candidate = pending.then(|| Candidate::new(definition.clone(), Diagnostics::new()));
        let told = Rc::new(RefCell::new(Told::default()));
        publish(supervisor, &told);
        Self { folder, supervisor, observer, seen, candidate, told }
    }

    /// Follows it for as long as the service runs, and reads it when the process is hung up on. Ends
    /// only when the database finds the service wrong that could never be served.
    pub async fn follow(mut self, mut hangups: Signal) -> Diagnostics {
        loop {
            let wait = self.candidate.as_ref().map(|it| it.wait);
            tokio::select! {
                Some(()) = hangups.recv() => self.read().await,
                () = self.changed() => self.read().await,
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
            }
            if let Some(candidate) = self.candidate.take()
                && let Err(found) = self.try_out(candidate).await
            {
                return found;
            }
        }
    }

    /// Waits until the folder has changed, and changes no more.
    async fn changed(&self) {
        let reload = self.supervisor.served().borrow().service.config.reload.clone();
        if !reload.watch {
            return std::future::pending().await;
        }
        let mut before = self.seen.clone();
        loop {
            sleep(reload.every).await;
            let now = self.folder.stamps();
            if now == before && now != self.seen {
                return;
            }
            before = now;
        }
    }

    /// Reads the folder. When it is wrong, what waited to be served goes on waiting.
    async fn read(&mut self) {
        let read = loop {
            self.seen = self.folder.stamps();
            let read = self.folder.definition();
            if self.folder.stamps() == self.seen {
                break read;
            }
            // Half of it may be of before.
            sleep(SETTLING).await;
        };
        let before = self.supervisor.served().borrow().service.clone();
        let candidate = read.and_then(|read| {
            let mut candidate = Candidate::new(read.value, read.warnings);
            candidate.waits_for_restart = candidate.definition.go_on_from(&before);
            if !Arc::ptr_eq(&candidate.definition.authority, &before.authority) {
                identity::load(&candidate.definition.authority)?;
            }
            startup::take_cursor_key(&mut candidate.definition)?;
            Ok(candidate)
        });
        match candidate {
            Ok(candidate) => self.candidate = Some(candidate),
            Err(found) => self.refuse(&found),
        }
    }

    /// Serves the candidate if it can be served; else it waits, or is refused.
    async fn try_out(&mut self, mut candidate: Candidate) -> Result<(), Diagnostics> {
        let served = self.supervisor.served().borrow().clone();
        let definition = &candidate.definition;
        let outcome = match &served.target {
            None => match Service::without_database(definition) {
                Ok(service) => Attempt::Prepared(Box::new(service), Diagnostics::new()),
                Err(found) => Attempt::Wrong(found),
            },
            Some(target) => attempt_told(definition, target, Some(&served.service)).await,
        };
        candidate.wait *= 2;
        match outcome {
            Attempt::Prepared(service, warnings) => {
                candidate.warnings.append(warnings);
                self.take(*service, candidate);
                return Ok(());
            }
            Attempt::Away(found) => {
                candidate.wait = candidate.wait.min(LONGEST_WAIT);
                let reason = found.iter().next().map_or("it is away", |it| it.message());
                let retry_in = candidate.wait;
                (self.observer)(&Event::Disconnected { lane: "start", reason, retry_in });
            }
            // The keeper mends it, or publishes another, which is asked with then.
            Attempt::Refused(found) if candidate.definition.follows_credential() => {
                candidate.wait = candidate.wait.min(LONGEST_DENIAL);
                let reason = found.iter().next().map_or("it is refused", |it| it.message());
                let retry_in = candidate.wait;
                (self.observer)(&Event::Disconnected { lane: "start", reason, retry_in });
            }
            // There is nothing else to serve.
            Attempt::Wrong(found) | Attempt::Refused(found) if served.service.is_pending() => {
                return Err(found);
            }
            Attempt::Wrong(found) | Attempt::Refused(found) => {
                candidate.wait = candidate.wait.clamp(LONGEST_WAIT, LONGEST_PATIENCE);
                if candidate.refused.as_ref() != Some(&found) {
                    self.refuse(&found);
                    candidate.refused = Some(found);
                }
            }
        }
        self.candidate = Some(candidate);
        Ok(())
    }

    fn take(&self, service: Service, candidate: Candidate) {
        let service = Arc::new(service);
        let target = self.supervisor.served().borrow().target.clone();
        let routes = service.entries().len();
        self.supervisor.replace(&Served { service, target });
        for diagnostic in candidate.warnings.iter() {
            (self.observer)(&Event::Warning { message: diagnostic.message() });
        }
        let waits_for_restart = candidate.waits_for_restart;
        if !waits_for_restart.is_empty() {
            let names = waits_for_restart.join("`, `");
            let message = format!("`{names}` changed, which counts after a restart alone");
            (self.observer)(&Event::Warning { message: &message });
        }
        self.told.replace(Told { taken_at: Some(now_s()), refused: None, waits_for_restart });
        (self.observer)(&Event::Reloaded { routes });
    }

    /// Tells that the folder is wrong. What is served serves on.
    fn refuse(&self, found: &Diagnostics) {
        let errors = || found.iter().filter(|it| it.severity() == Severity::Error).take(MOST_TOLD);
        for diagnostic in errors() {
            (self.observer)(&Event::Warning { message: &line(diagnostic) });
        }
        let errors: Diagnostics = errors().cloned().collect();
        self.told.borrow_mut().refused = Some((now_s(), errors.to_json()));
        (self.observer)(&Event::ReloadRefused { errors: found.counts().0 });
    }
}

/// The diagnostic as a line of the log: `endpoints/a.sql:3:5: message`.
fn line(diagnostic: &Diagnostic) -> String {
    match diagnostic.position() {
        Some((file, Some((line, column)))) => {
            format!("{file}:{line}:{column}: {}", diagnostic.message())
        }
        Some((file, None)) => format!("{file}: {}", diagnostic.message()),
        None => diagnostic.message().to_owned(),
    }
}

/// Seconds since 1970.
fn now_s() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs()
}

fn publish(supervisor: &Supervisor, told: &Rc<RefCell<Told>>) {
    let (told, served) = (Rc::clone(told), supervisor.served());
    supervisor.publish(
        PATH,
        Box::new(move || {
            let told = told.borrow();
            let service = Arc::clone(&served.borrow().service);
            let refused = told.refused.as_ref();
            let body = json!({
                "routes": service.entries().len(),
                "watch": service.config.reload.watch,
                "taken_at": told.taken_at,
                "refused": refused.map(|(at, errors)| json!({ "at": at, "errors": errors })),
                "waits_for_restart": told.waits_for_restart,
            });
            Box::pin(async move { Answer::ok(JSON, body.to_string()) })
        }),
    );
}
