//! Answers of reads that are given again for a while.
//!
//! Owns which answer may be given to whom, and for how long. Each thread has answers of its own, so
//! nothing is locked; what a database notifies is heard once for all threads (`channels`). Does not own
//! header fields (`http`).
//!
//! Nobody gets data that is older than the endpoint says: an answer's age begins before its statement
//! is sent, and so does the state of its channel that it was kept for.

mod channels;
mod store;

pub(super) use channels::Channels;
pub use store::Cached;

use super::Serving;
use crate::{
    access::Identity,
    config::{Config, SessionAttrs},
    definition::file::{self, Cache},
    diagnostic::{Code, Diagnostic, Diagnostics},
    encode::Medium,
    endpoint::Endpoint,
    event::{CacheAct, Event},
    name::Identifier,
    value::Argument,
};
use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use store::Store;

/// The answers of this thread, and its part in listening.
pub(super) struct Answers {
    store: RefCell<Store>,
    listening: Option<tokio::task::JoinHandle<()>>,
}

/// A question, as answers are kept by: all that an answer depends on, each part with its length.
pub struct Question {
    key: Box<[u8]>,
    ttl: Duration,
    /// When it was asked: the answer is as old as that.
    asked: Instant,
    /// The state of its channel at that time. Without it nothing is kept.
    stamp: Option<Stamp>,
}

/// For which state of a channel an answer holds; of an endpoint without one it holds for any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(Option<(usize, u64)>);

/// Whose question it is, and how it is to be answered.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// As whom the statement runs.
    pub identity: Option<&'a Arc<Identity>>,
    /// The answer's media type.
    pub medium: Medium,
    /// Its coding, as the field names it.
    pub coding: &'a str,
    /// What stands behind the `?`, where the answer repeats it.
    pub query: Option<&'a str>,
}

impl Answers {
    pub(super) fn new(most: usize, listening: Option<tokio::task::JoinHandle<()>>) -> Self {
        Self { store: RefCell::new(Store::new(most)), listening }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }
}

impl Serving {
    /// The question that a call of the endpoint asks, now.
    pub fn question(
        &self,
        endpoint: &Endpoint,
        cache: &Cache,
        arguments: &[Argument],
        asked: Asked<'_>,
    ) -> Question {
        let stamp = match &cache.channel {
            None => Some(Stamp(None)),
            Some(name) => self.service.channels.state(name).map(|state| Stamp(Some(state))),
        };
        Question {
            key: key(endpoint, arguments, asked),
            ttl: cache.ttl,
            asked: Instant::now(),
            stamp,
        }
    }

    /// The answer that is there, and how old it is.
    pub fn cached(&self, question: &Question) -> Option<(Rc<Cached>, Duration)> {
        let found = question.stamp.and_then(|stamp| {
            let (cached, asked) = self.answers.store.borrow_mut().find(&question.key, stamp)?;
            let age = asked.elapsed();
            (age < question.ttl).then_some((cached, age))
        });
        let did = if found.is_some() { CacheAct::Hit } else { CacheAct::Miss };
        (self.observer)(&Event::Cache { did });
        found
    }

    /// Keeps the answer to a question for the next who asks it.
    pub fn keep(&self, question: Question, cached: Cached) {
        let Question { key, ttl, asked, stamp } = question;
        let Some(stamp) = stamp else { return };
        self.answers.store.borrow_mut().put(key, cached, asked, asked + ttl, stamp);
    }
}

fn key(endpoint: &Endpoint, arguments: &[Argument], asked: Asked<'_>) -> Box<[u8]> {
    let mut key = Vec::with_capacity(128);
    let mut say = |kind: u8, part: &[u8]| {
        key.push(kind);
        key.extend((part.len() as u64).to_be_bytes());
        key.extend_from_slice(part);
    };
    say(b'e', &endpoint.statement.index.to_be_bytes());
    say(b'm', asked.medium.suffix().as_bytes());
    say(b'c', asked.coding.as_bytes());
    if let Some(query) = asked.query {
        say(b'q', query.as_bytes());
    }
    if let Some(identity) = asked.identity {
        say(b'r', identity.role().as_bytes());
        say(b'j', identity.claims().as_bytes());
    }
    for argument in arguments {
        match argument {
            Argument::Null => say(b'0', b""),
            Argument::Text(bytes) => say(b't', bytes),
            Argument::Binary(bytes) => say(b'b', bytes),
        }
    }
    key.into_boxed_slice()
}

/// Whether the lane of that name runs on the server that writes and notifies, as far as the manifest says.
pub(super) fn is_on_primary(config: &Config, lane: &str) -> bool {
    let Some(database) = &config.database else { return true };
    let of_lane = config.lanes.get(lane).and_then(|it| it.target_session_attrs);
    match of_lane.unwrap_or(database.target_session_attrs) {
        SessionAttrs::ReadWrite | SessionAttrs::Primary => true,
        SessionAttrs::Any => database.host.len() == 1,
        SessionAttrs::ReadOnly | SessionAttrs::Standby | SessionAttrs::PreferStandby => false,
    }
}

/// What is wrong with the channels of endpoints: whose reads may go to another server than the one that
/// notifies may read there, after a notification, what was before it.
pub(super) fn check(config: &Config, endpoints: &[Arc<file::Endpoint>]) -> Diagnostics {
    let mut found = Diagnostics::new();
    for file in endpoints {
        let Some(cache) = file.repeats.cache.as_ref().filter(|it| it.channel.is_some()) else {
            continue;
        };
        let lane = file.lane.as_ref().map_or("read", Identifier::as_str);
        if !is_on_primary(config, lane) {
            let message = format!(
                "`cache.channel` needs reads from the server that notifies, and lane `{lane}` may read \
                 from another"
            );
            found.push(
                Diagnostic::error(Code::Conflict, message)
                    .at(&file.source, cache.span.clone())
                    .help(
                        "name a lane whose `target_session_attrs` is `read-write` or `primary`, or leave \
                         `channel` out",
                    ),
            );
        }
    }
    found
}
