//! One thread's counters: that thread alone writes them, any thread reads them.

use super::histogram::Histogram;
use crate::event::{CacheAct, Event, LaneAct};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// The acts of a lane and the metric that counts each, in the order of [`LaneAct`].
pub(super) const LANE_ACTS: [(LaneAct, &str); 5] = [
    (LaneAct::Shed, "howdah_lane_shed_total"),
    (LaneAct::Parked, "howdah_lane_parked_total"),
    (LaneAct::Rescued, "howdah_lane_rescued_total"),
    (LaneAct::Coalesced, "howdah_lane_coalesced_total"),
    (LaneAct::Batched, "howdah_lane_batched_total"),
];

/// A number that one thread writes. Without a second writer, a load and a store need no lock of the
/// memory bus, which an atomic addition takes.
#[derive(Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.store(self.read().wrapping_add(more), Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A list that one thread grows and any thread reads: the lock is taken for what is new, and by who
/// reads.
pub(super) type Shared<T> = Arc<Mutex<Vec<Arc<T>>>>;

fn grow<T>(list: &Shared<T>, new: T) -> Arc<T> {
    let new = Arc::new(new);
    list.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&new));
    new
}

/// What is on the list now.
pub(super) fn read<T>(list: &Shared<T>) -> Vec<Arc<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What one route answered, on one thread.
pub(super) struct Route {
    pub(super) path: String,
    pub(super) method: String,
    pub(super) durations: Histogram,
    pub(super) rows: Count,
    pub(super) bytes: Count,
    pub(super) outcomes: Shared<Outcome>,
}

/// How often a route had a status and, when it was a problem, its code.
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) count: Count,
}

/// What one lane did, on one thread.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) acts: [Count; LANE_ACTS.len()],
    pub(super) connected: Count,
    pub(super) disconnected: Count,
}

/// Statements that were refused for reasons of one class.
pub(super) struct Class {
    pub(super) class: String,
    pub(super) count: Count,
}

/// What has no label.
#[derive(Default)]
pub(super) struct Plain {
    pub(super) begun: Count,
    pub(super) ended: Count,
    pub(super) tools_failed: Count,
    pub(super) reloads: Count,
    pub(super) reloads_refused: Count,
    pub(super) warnings: Count,
    pub(super) cache_hits: Count,
    pub(super) cache_misses: Count,
    pub(super) cache_invalidations: Count,
    pub(super) replays: Count,
}

/// A thread's counters as other threads see them.
#[derive(Clone, Default)]
pub(super) struct Cells {
    pub(super) plain: Arc<Plain>,
    pub(super) routes: Shared<Route>,
    pub(super) lanes: Shared<Lane>,
    pub(super) classes: Shared<Class>,
}

/// Places of the table that leads from a route's address to its counters; a power of two.
const SLOTS: usize = 256;

/// A thread's counters as that thread writes them.
pub(super) struct Writer {
    cells: Cells,
    routes: Vec<(Arc<Route>, Vec<Arc<Outcome>>)>,
    /// For where a route's name stands in memory: its place in `routes`. A guess, which is checked:
    /// another name may come to stand there after a reload, and two may fall upon one slot.
    slots: Box<[usize; SLOTS]>,
    lanes: Vec<Arc<Lane>>,
    classes: Vec<Arc<Class>>,
}

impl Writer {
    /// Counters that are read through `cells`.
    pub(super) fn new(cells: Cells) -> Self {
        Self {
            cells,
            routes: Vec::new(),
            slots: Box::new([0; SLOTS]),
            lanes: Vec::new(),
            classes: Vec::new(),
        }
    }

    /// Counts an event.
    pub(super) fn count(&mut self, event: &Event<'_>) {
        match event {
            Event::Began => self.cells.plain.begun.add(1),
            Event::Ended => self.cells.plain.ended.add(1),
            Event::Cache { did: CacheAct::Hit } => self.cells.plain.cache_hits.add(1),
            Event::Cache { did: CacheAct::Miss } => self.cells.plain.cache_misses.add(1),
            Event::Cache { did: CacheAct::Invalidated } => {
                self.cells.plain.cache_invalidations.add(1);
            }
            Event::Replayed => self.cells.plain.replays.add(1),
            Event::Answered { method, route, status, code, rows, bytes, duration, .. } => {
                let (served, outcomes) = self.route(route, method);
                served.durations.add(*duration);
                served.rows.add(*rows);
                served.bytes.add(*bytes);
                outcome(served, outcomes, *status, code.unwrap_or_default()).count.add(1);
            }
            Event::Streamed { route, rows, bytes, .. } => {
                // Its head was counted when it was answered; only GET streams.
                let (served, _) = self.route(route, "GET");
                served.rows.add(*rows);
                served.bytes.add(*bytes);
            }
            Event::Lane { lane, did } => self.lane(lane).acts[*did as usize].add(1),
            Event::Connected { lane } => self.lane(lane).connected.add(1),
            Event::Disconnected { lane, .. } => self.lane(lane).disconnected.add(1),
            Event::Refused { sqlstate, .. } => self.class(sqlstate).count.add(1),
            Event::ToolFailed { .. } => self.cells.plain.tools_failed.add(1),
            Event::Reloaded { .. } => self.cells.plain.reloads.add(1),
            Event::ReloadRefused { .. } => self.cells.plain.reloads_refused.add(1),
            Event::Warning { .. } => self.cells.plain.warnings.add(1),
            Event::CertificateChanged
            | Event::CertificateRefused { .. }
            | Event::Listening { .. }
            | Event::Leading { .. }
            | Event::Credential { .. }
            | Event::Rotation { .. }
            | Event::Stopping { .. }
            | Event::Stopped { .. }
            | Event::KeysRead { .. }
            | Event::KeysRefused { .. }
            | Event::IssuerAnswered { .. }
            | Event::IssuerAway { .. } => {}
        }
    }

    fn route(&mut self, route: &str, method: &str) -> (&Route, &mut Vec<Arc<Outcome>>) {
        // Names are some bytes apart, and methods are few and of different lengths.
        let slot = (route.as_ptr().addr() >> 3).wrapping_add(method.len() * 37) % SLOTS;
        let is = |it: &(Arc<Route>, _)| it.0.path == route && it.0.method == method;
        let mut at = self.slots[slot];
        if !self.routes.get(at).is_some_and(is) {
            at = self.routes.iter().position(is).unwrap_or_else(|| {
                let new = Route {
                    path: route.to_owned(),
                    method: method.to_owned(),
                    durations: Histogram::default(),
                    rows: Count::default(),
                    bytes: Count::default(),
                    outcomes: Shared::default(),
                };
                self.routes.push((grow(&self.cells.routes, new), Vec::new()));
                self.routes.len() - 1
            });
            self.slots[slot] = at;
        }
        let (served, outcomes) = &mut self.routes[at];
        (served, outcomes)
    }

    fn lane(&mut self, name: &str) -> &Lane {
        let at = self.lanes.iter().position(|it| it.name == name).unwrap_or_else(|| {
            let new = Lane {
                name: name.to_owned(),
                acts: Default::default(),
                connected: Count::default(),
                disconnected: Count::default(),
            };
            self.lanes.push(grow(&self.cells.lanes, new));
            self.lanes.len() - 1
        });
        &self.lanes[at]
    }

    fn class(&mut self, sqlstate: &str) -> &Class {
        // A service's own functions may raise any state; classes are few. What is no SQLSTATE is one
        // of a handful of words.
        let class =
            if sqlstate.len() == 5 { sqlstate.get(..2).unwrap_or(sqlstate) } else { sqlstate };
        let at = self.classes.iter().position(|it| it.class == class).unwrap_or_else(|| {
            let new = Class { class: class.to_owned(), count: Count::default() };
            self.classes.push(grow(&self.cells.classes, new));
            self.classes.len() - 1
        });
        &self.classes[at]
    }
}

/// A route has few outcomes.
fn outcome<'o>(
    served: &Route,
    outcomes: &'o mut Vec<Arc<Outcome>>,
    status: u16,
    code: &'static str,
) -> &'o Outcome {
    let is = |it: &Arc<Outcome>| it.status == status && it.code == code;
    let at = outcomes.iter().position(is).unwrap_or_else(|| {
        let new = Outcome { status, code, count: Count::default() };
        outcomes.push(grow(&served.outcomes, new));
        outcomes.len() - 1
    });
    &outcomes[at]
}
