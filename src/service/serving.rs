//! A service on one thread: its lanes are open.

use super::{Service, audited::Refusals, cache, load::Patience};
use crate::{
    access::{Memory, Permit},
    builtin::info::Facts,
    config::{Access, Lane as LaneConfig},
    definition::file::ResultShape,
    encode::{Encoder, Layout, Medium, json::JsonRows},
    endpoint::{AnswerSink, Endpoint, RowStream, StreamLimits, page::Page},
    event::{Event, Observer},
    lane::{Call, Done, Failure, Lane, LaneState, Settings},
    name::Identifier,
    postgres::{Target, statement::Prepared},
    value::Argument,
};
use bytes::Bytes;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// How long a probe waits for the database. A service's `/health` may be late by a second at most.
const PROBE_TIMEOUT: Duration = Duration::from_millis(800);
/// The place of the statement that a probe runs.
const PROBE: usize = 0;

/// A service with its lanes, on this thread.
pub struct Serving {
    /// What is served.
    pub service: Arc<Service>,
    /// What this process is.
    pub facts: Arc<Facts>,
    /// Whom this thread has looked at before.
    pub memory: RefCell<Memory>,
    /// Its database.
    target: Option<Arc<Target>>,
    lanes: Vec<OpenLane>,
    pub(super) observer: Observer,
    /// Answers that are given again.
    pub(super) answers: cache::Answers,
    /// What was refused, and is to be in the audit trail.
    pub(super) refusals: Rc<Refusals>,
    /// When answers that are too old were last put away.
    pub(super) tidied: Cell<Instant>,
    probe: Arc<Prepared>,
    nothing: Arc<dyn Layout>,
}

struct OpenLane {
    name: Identifier,
    deadline: Duration,
    exclusive_timeout: Duration,
    /// How long the database may take for more rows of a stream.
    patience: Duration,
    settings: Settings,
    lane: Rc<Lane<AnswerSink>>,
}

impl Serving {
    /// Opens the lanes that the service uses. `threads` is how many serve alike: the manifest's
    /// connections are dealt out over them, at least one to each. A lane of `before` that would be
    /// opened just so is taken over with its connections.
    pub fn open(
        before: Option<&Self>,
        service: Arc<Service>,
        target: Option<&Arc<Target>>,
        threads: usize,
        facts: Arc<Facts>,
        observer: &Observer,
    ) -> Self {
        let mut lanes = Vec::new();
        if let Some(target) = target {
            for name in service.lanes_in_use() {
                let Some(config) = service.config.lanes.get(name) else { continue };
                let settings = settings(name, config, threads);
                // A lane that looks for other hosts than before is opened anew.
                let session = config.target_session_attrs;
                let like = |it: &&Self| {
                    let before = it.service.config.lanes.get(name);
                    before.is_some_and(|before| before.target_session_attrs == session)
                };
                let kept = before
                    .filter(like)
                    .and_then(|it| it.lane_like(&service, target, name, &settings));
                let target = match config.target_session_attrs {
                    Some(session) if session != target.session => {
                        Arc::new(Target { session, ..(**target).clone() })
                    }
                    _ => Arc::clone(target),
                };
                lanes.push(OpenLane {
                    name: name.clone(),
                    deadline: config.deadline,
                    exclusive_timeout: config.exclusive_timeout,
                    patience: config.statement_timeout,
                    lane: kept.unwrap_or_else(|| {
                        Rc::new(Lane::open(settings.clone(), target, Arc::clone(observer)))
                    }),
                    settings,
                });
            }
        }
        let listening = target.filter(|_| !service.channels.is_empty()).map(|target| {
            let channels = Arc::clone(&service.channels);
            tokio::task::spawn_local(channels.follow(Arc::clone(target), Arc::clone(observer)))
        });
        let answers = cache::Answers::new(service.config.cache.bytes / threads.max(1), listening);
        let probe =
            Prepared { label: "probe".to_owned(), sql: "SELECT".to_owned(), ..Prepared::default() };
        let probe = Arc::new(probe.renumbered(PROBE));
        let nothing = Arc::new(JsonRows::new(ResultShape::None, None, &[]));
        Self {
            service,
            facts,
            memory: RefCell::default(),
            target: target.cloned(),
            lanes,
            observer: Arc::clone(observer),
            answers,
            refusals: Rc::default(),
            tidied: Cell::new(Instant::now()),
            probe,
            nothing,
        }
    }

    /// The lane of that name, when it has these settings, this database, and connections on which no
    /// statement of `service` is taken for another.
    fn lane_like(
        &self,
        service: &Service,
        target: &Arc<Target>,
        name: &Identifier,
        settings: &Settings,
    ) -> Option<Rc<Lane<AnswerSink>>> {
        let there = self.target.as_ref().is_some_and(|known| Arc::ptr_eq(known, target));
        let open = self.lane(name).filter(|open| open.settings == *settings)?;
        (there && self.service.shares_numbers_with(service)).then(|| Rc::clone(&open.lane))
    }

    /// Runs an endpoint's statement on its lane, or the one of a page. `arguments` are those of its
    /// parameters in their declared order.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn run(
        &self,
        permit: Permit,
        endpoint: &Endpoint,
        arguments: &[Argument],
        page: Option<&Page<'_>>,
        medium: Medium,
    ) -> Result<Done<AnswerSink>, Failure> {
        let open = self.lane(&endpoint.lane).ok_or(Failure::Unavailable)?;
        let max_bytes = usize::try_from(self.service.config.limits.response).unwrap_or(usize::MAX);
        let sink =
            AnswerSink::new(endpoint.layouts.encoder(medium), endpoint.max_rows(), max_bytes);
        let deadline = Instant::now() + endpoint.definition.delivery.within(open.deadline);
        let (sink, (statement, arguments)) = match page {
            Some(page) => (sink.of_page(page), page.call(endpoint, arguments)),
            None => (sink, (Arc::clone(&endpoint.statement), endpoint.bind(arguments))),
        };
        open.lane.run(permit, Call::new(statement, arguments, sink, deadline)).await
    }

    /// Starts an endpoint's statement on a connection of its own; gives its rows with the first piece
    /// of them, which is all when [`RowStream::is_complete`].
    ///
    /// # Errors
    /// Why there is no answer. Nothing was sent yet.
    pub async fn stream(
        &self,
        permit: Permit,
        endpoint: &Endpoint,
        arguments: &[Argument],
        medium: Medium,
    ) -> Result<(RowStream, Bytes), Failure> {
        let open = self.lane(&endpoint.lane).ok_or(Failure::Unavailable)?;
        let limits = StreamLimits {
            rows: endpoint.max_rows(),
            row_bytes: usize::try_from(self.service.config.limits.response).unwrap_or(usize::MAX),
            patience: open.patience,
        };
        let deadline = Instant::now() + endpoint.definition.delivery.within(open.deadline);
        let mut job = open.lane.exclusive(permit, deadline).await?;
        job.start(&endpoint.statement, &endpoint.bind(arguments))?;
        let mut stream = RowStream::new(job, endpoint.layouts.encoder(medium), limits);
        let first = stream.first().await?;
        Ok((stream, first))
    }

    /// Whether the database answers now.
    pub async fn probe(&self, permit: Permit) -> bool {
        let Some(open) = self.lanes.iter().find(|open| open.name.as_str() == "read") else {
            return false;
        };
        let sink = AnswerSink::new(Encoder::Plain(Arc::clone(&self.nothing)), u64::MAX, usize::MAX);
        let deadline = Instant::now() + PROBE_TIMEOUT;
        let call = Call::new(Arc::clone(&self.probe), Vec::new(), sink, deadline).without_parking();
        open.lane.run(permit, call).await.is_ok()
    }

    /// What this thread still waits for before it can serve everything.
    pub fn waits_for(&self) -> Option<String> {
        if self.service.is_pending() {
            return Some("the database, to check the statements".to_owned());
        }
        let closed = self.lanes.iter().find(|open| !open.lane.is_connected())?;
        Some(format!("a connection of lane `{}`", closed.name))
    }

    /// How it stands with its lanes on this thread.
    pub fn lane_states(&self) -> Vec<LaneState> {
        self.lanes.iter().map(|open| open.lane.state()).collect()
    }

    /// The same, with the refusals that `before` has not told yet.
    #[must_use]
    pub fn going_on_from(mut self, before: &Self) -> Self {
        self.refusals = Rc::clone(&before.refusals);
        self
    }

    /// Counts a write that was answered as it was first.
    pub fn replayed(&self) {
        (self.observer)(&Event::Replayed);
    }

    /// Says what deserves a look.
    pub(super) fn warn(&self, message: &str) {
        (self.observer)(&Event::Warning { message });
    }

    /// The lane for a job that takes a connection, and how long the job may wait.
    pub(super) fn exclusive(&self, name: &Identifier) -> Option<(&Lane<AnswerSink>, Patience)> {
        let open = self.lane(name)?;
        Some((&open.lane, Patience { each: open.deadline, all: open.exclusive_timeout }))
    }

    fn lane(&self, name: &Identifier) -> Option<&OpenLane> {
        self.lanes.iter().find(|open| open.name == *name)
    }
}

/// How long a request waits for two others that ask the same.
const ALIKE_WAIT: Duration = Duration::from_millis(100);

fn settings(name: &Identifier, config: &LaneConfig, threads: usize) -> Settings {
    let share = |total: usize| total.div_ceil(threads.max(1));
    Settings {
        name: name.as_str().to_owned(),
        writes: config.access == Access::Write,
        connections: share(usize::from(config.connections)).max(1),
        queue: share(config.queue as usize),
        queue_delay: config.queue_delay,
        alike_wait: ALIKE_WAIT,
        statement_timeout: config.statement_timeout,
        park: config.park,
        exclusive: share(usize::from(config.exclusive)).max(1),
        exclusive_timeout: config.exclusive_timeout,
    }
}
