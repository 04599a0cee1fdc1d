//! A service: every route with what answers it, ready to be served.
//!
//! Owns the way from a definition (manifest and endpoint files) to routes that can run, and the
//! errors that only the whole shows: two files that want one route. Does not own reading files
//! (`startup`), running (`lane`), or requests (`http`).

mod audited;
mod cache;
mod door;
mod failure;
mod load;
mod number;
mod once;
mod route;
mod serving;
mod shield;

pub use audited::{Audited, NotGiven, Record};
pub use cache::{Asked, Cached, Question};
pub use failure::{log_reason, problem};
pub use load::{Loaded, NotLoaded, Source};
pub use once::{Kept, NotMade, Once, Outcome};
pub use route::{Action, Entry, Found};
pub use serving::Serving;
pub use shield::Shield;

use crate::{
    access::{Authority, limit::Limiter},
    config::Config,
    cursor::Cursors,
    definition::file,
    diagnostic::Diagnostics,
    endpoint::{self, Endpoint, bulk},
    name::Identifier,
    postgres::{describe, session::Session},
};
use cache::Channels;
use door::Doors;
use number::{Numbers, Series};
use route::Router;
use std::{collections::BTreeSet, future::poll_fn, sync::Arc, task::Poll};

/// What a service folder means: text that was read in full and found right by itself.
#[derive(Clone)]
pub struct ServiceDefinition {
    /// The manifest.
    pub config: Config,
    /// The endpoint files, in the order of their names.
    pub endpoints: Vec<Arc<file::Endpoint>>,
    /// Who is believed. The same in every service that is made of this definition, so that what it
    /// learned of keys is kept.
    pub authority: Arc<Authority>,
    /// What cursors of pages are made with.
    pub cursors: Arc<Cursors>,
    /// How often somebody may ask: likewise, with what was counted.
    pub limiters: Vec<Arc<Limiter>>,
    /// The digest of the files it was read from, where it was: `sha256:…`.
    pub digest: String,
}

impl ServiceDefinition {
    /// What a manifest and endpoint files mean.
    pub fn new(config: Config, endpoints: Vec<Arc<file::Endpoint>>) -> Self {
        let (authority, limiters) = (Authority::of(&config), limiters(&config, &[]));
        let (cursors, digest) = (Cursors::of_process(), String::new());
        Self { config, endpoints, authority, cursors, limiters, digest }
    }

    /// Whether it signs in with a credential that the keeper changes.
    pub fn follows_credential(&self) -> bool {
        self.config.database.as_ref().is_some_and(|it| it.credential.is_some())
    }

    /// Takes the place of `before`, which is served: what is known of keys and what was counted is kept
    /// where the settings are the same, and so is what only a start can change. Gives the settings of
    /// those that would have changed.
    pub fn go_on_from(&mut self, before: &Service) -> Vec<&'static str> {
        let (old, new) = (&before.config, &self.config);
        if old.auth == new.auth && old.issuers == new.issuers && old.clients == new.clients {
            self.authority = Arc::clone(&before.authority);
        }
        let same: Vec<_> = before
            .limiters
            .iter()
            .filter(|it| old.rate_limits.get(it.name()) == new.rate_limits.get(it.name()))
            .cloned()
            .collect();
        self.limiters = limiters(&self.config, &same);
        self.config.keep_fixed(&before.config)
    }
}

/// A limiter for each limit of `config`: the one of `known` that has its name, or a new one.
fn limiters(config: &Config, known: &[Arc<Limiter>]) -> Vec<Arc<Limiter>> {
    let limits = config.rate_limits.iter().map(|(name, settings)| {
        let known = known.iter().find(|it| it.name() == name.as_str());
        known.cloned().unwrap_or_else(|| Arc::new(Limiter::new(name.as_str(), settings)))
    });
    limits.collect()
}

/// A service that can be served.
pub struct Service {
    /// The manifest.
    pub config: Config,
    /// Who is believed.
    pub authority: Arc<Authority>,
    /// What cursors of pages are made with.
    pub cursors: Arc<Cursors>,
    /// What every answer says to browsers.
    pub shield: Shield,
    /// Whether requests to any endpoint go to the audit trail.
    pub is_audited: bool,
    limiters: Vec<Arc<Limiter>>,
    /// The channels whose notifications end answers of `cache`.
    channels: Arc<Channels>,
    router: Router,
    numbers: Series,
}

impl Service {
    /// The service while its database has not been asked: routes without SQL answer, endpoints say
    /// that the database is away.
    ///
    /// # Errors
    /// What is wrong with its routes.
    pub fn without_database(definition: &ServiceDefinition) -> Result<Self, Diagnostics> {
        let pending = definition.endpoints.iter().cloned().map(Action::Pending).collect();
        Self::assemble(definition, pending, Series::default())
    }

    /// The service with every endpoint typed by the database. Its statements have the places that they
    /// have in `before`, what is served now, so that connections still know them.
    ///
    /// # Errors
    /// Everything that is wrong with its routes and endpoints; `Ok` carries warnings.
    pub async fn prepare(
        definition: &ServiceDefinition,
        session: &Session,
        before: Option<&Self>,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut found = Diagnostics::new();
        let mut numbers = Numbers::after(before);
        let mut actions = Vec::new();
        let lanes = &definition.config.lanes;
        let volatile = describe::volatile_functions(session).await.ok();
        // All are asked about at once: the questions share the connection, and wait for it once. A bulk
        // endpoint tries its statement in a transaction, in which nobody else may have a part.
        let volatile = volatile.as_ref();
        let statements = definition.endpoints.iter().filter(|file| file.copy.is_none());
        let asked =
            statements.map(|file| endpoint::prepare(session, file, lanes, volatile)).collect();
        let mut asked = all(asked).await.into_iter();
        for file in &definition.endpoints {
            let prepared = if let Some(copy) = &file.copy {
                let asked = bulk::prepare(session, file, copy, lanes).await;
                asked.map(|(it, warnings)| (Action::Bulk(Arc::new(it)), warnings))
            } else {
                let Some(asked) = asked.next() else { continue };
                asked.map(|(mut it, warnings)| {
                    it.statements().for_each(|statement| numbers.number(statement));
                    (Action::Endpoint(Arc::new(it)), warnings)
                })
            };
            match prepared {
                Ok((action, warnings)) => {
                    found.append(warnings);
                    actions.push(action);
                }
                Err(diagnostics) => {
                    found.append(diagnostics);
                    actions.push(Action::Pending(Arc::clone(file)));
                }
            }
        }
        let service = match Self::assemble(definition, actions, numbers.series()) {
            Ok(service) => Some(service),
            Err(diagnostics) => {
                found.append(diagnostics);
                None
            }
        };
        found.sort();
        found.into_result(service)
    }

    fn assemble(
        definition: &ServiceDefinition,
        actions: Vec<Action>,
        numbers: Series,
    ) -> Result<Self, Diagnostics> {
        let config = definition.config.clone();
        let limiters = definition.limiters.clone();
        let caches = definition.endpoints.iter().filter_map(|file| file.repeats.cache.as_ref());
        let names: BTreeSet<String> = caches.filter_map(|cache| cache.channel.clone()).collect();
        let channels = Arc::new(Channels::new(names));
        let mut found = cache::check(&config, &definition.endpoints);
        found.append(audited::check(&config, &definition.endpoints));
        if found.has_errors() {
            return Err(found);
        }
        let router = Router::build(&Doors { config: &config, limiters: &limiters }, actions)?;
        Ok(Self {
            shield: Shield::of(&config),
            is_audited: definition.endpoints.iter().any(|it| it.audit.is_some()),
            config,
            authority: Arc::clone(&definition.authority),
            cursors: Arc::clone(&definition.cursors),
            limiters,
            channels,
            router,
            numbers,
        })
    }

    /// What answers a method and a path.
    pub fn find<'s, 'p>(&'s self, method: &http::Method, path: &'p str) -> Found<'s, 'p> {
        self.router.find(method, path)
    }

    /// Every route, in the order of the manifest and then of the files' names.
    pub fn entries(&self) -> &[Entry] {
        self.router.entries()
    }

    /// The endpoints that the database has typed.
    pub fn endpoints(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.entries().iter().filter_map(|entry| match &entry.action {
            Action::Endpoint(endpoint) => Some(endpoint),
            _ => None,
        })
    }

    /// Whether an endpoint still waits for the database.
    pub fn is_pending(&self) -> bool {
        self.entries().iter().any(|entry| matches!(entry.action, Action::Pending(_)))
    }

    /// The lanes that something runs on: the endpoints' own, and `read` for a probe.
    pub fn lanes_in_use(&self) -> BTreeSet<&Identifier> {
        let mut names: BTreeSet<&Identifier> =
            self.endpoints().map(|endpoint| &endpoint.lane).collect();
        names.extend(self.entries().iter().filter_map(|entry| match &entry.action {
            Action::Bulk(bulk) => Some(&bulk.lane),
            _ => None,
        }));
        let probes =
            self.entries().iter().any(|entry| matches!(entry.action, Action::Probe { .. }));
        if probes && let Some((name, _)) = self.config.lanes.get_key_value("read") {
            names.insert(name);
        }
        names
    }

    /// Whether a statement's place in the one means no other statement in the other.
    fn shares_numbers_with(&self, other: &Self) -> bool {
        self.numbers.is_the_series_of(&other.numbers)
    }

    /// A lane on which first answers are kept, if any are.
    pub(crate) fn keeps_answers_on(&self) -> Option<&Identifier> {
        self.entries().iter().find_map(|entry| match &entry.action {
            Action::Endpoint(it) if it.definition.repeats.keeps_answers() => Some(&it.lane),
            Action::Bulk(it) if it.definition.repeats.keeps_answers() => Some(&it.lane),
            _ => None,
        })
    }
}

/// Drives all futures at once; gives what they give, in their order.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|it| (Box::pin(it), None)).collect();
    poll_fn(|context| {
        let mut pending = false;
        for (future, done) in running.iter_mut().filter(|(_, done)| done.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(output) => *done = Some(output),
                Poll::Pending => pending = true,
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, done)| done).collect()
}
