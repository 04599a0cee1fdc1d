//! What is counted of what happens, for operators: `/metrics`.
//!
//! Owns the closed list of metrics, the counters, and the text that a scraper reads. Listens to
//! [`Event`]s: each thread counts in cells of its own, which no other thread writes, so a request
//! takes no lock, no allocation and no write that another processor waits for; a scrape sums the
//! cells up. Does not own what happens (`event`), nor the listener (`http`).

mod cells;
mod document;
mod histogram;
mod list;
mod process;
mod sum;
mod text;

pub use document::reference;
pub use list::{Kind, METRICS, Metric};
pub use text::Format;

use crate::{
    event::{Event, LaneAct, Observer},
    lane::LaneState,
};
use cells::{Cells, LANE_ACTS, Writer};
use process::Process;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use sum::{LaneSum, Sum};
use text::Text;

thread_local! {
    /// This thread's cells, by the number of the registry that they belong to. One, but in tests.
    static MINE: RefCell<Vec<(u64, Writer)>> = const { RefCell::new(Vec::new()) };
}

/// Everything that a service counts.
pub struct Metrics {
    /// Tells registries apart on a thread.
    number: u64,
    service: String,
    version: String,
    process: Process,
    threads: Mutex<Vec<Cells>>,
}

/// What is not counted but looked at when somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Every lane, its threads taken together.
    pub lanes: Vec<LaneState>,
    /// Whether the database can be used; `None` when the service has none.
    pub database_up: Option<bool>,
    /// Callers' connections that are open.
    pub connections: usize,
    /// Callers' connections that may be open.
    pub connections_limit: usize,
}

impl Metrics {
    /// Nothing is counted yet. `service` and `version` are the service's own.
    pub fn new(service: &str, version: &str) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            service: service.to_owned(),
            version: version.to_owned(),
            process: Process::open(),
            threads: Mutex::default(),
        })
    }

    /// An observer that counts each event and passes it on to `next`.
    pub fn observer(self: &Arc<Self>, next: Observer) -> Observer {
        let metrics = Arc::clone(self);
        Arc::new(move |event| {
            metrics.count(event);
            next(event);
        })
    }

    /// Counts an event in the cells of this thread.
    pub fn count(&self, event: &Event<'_>) {
        // Whoever observes while the thread ends, or from within an observation, is not counted.
        let _ = MINE.try_with(|mine| {
            let Ok(mut mine) = mine.try_borrow_mut() else { return };
            if let Some((_, writer)) = mine.iter_mut().find(|(number, _)| *number == self.number) {
                return writer.count(event);
            }
            let cells = Cells::default();
            self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(cells.clone());
            let mut writer = Writer::new(cells);
            writer.count(event);
            mine.push((self.number, writer));
        });
    }

    /// Everything, as `format` writes it.
    pub fn render(&self, gauges: &Gauges, format: Format) -> String {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sum = Sum::of(&threads);
        let mut text = Text::new(format);
        let release = env!("CARGO_PKG_VERSION");
        text.info("howdah_build_info", &[("version", release)]);
        text.info("howdah_service_info", &[("service", &self.service), ("version", &self.version)]);
        requests(&mut text, &sum);
        callers(&mut text, &sum, gauges);
        lanes(&mut text, &sum, gauges);
        text.one("howdah_reloads_total", &[("outcome", "done")], sum.reloads);
        text.one("howdah_reloads_total", &[("outcome", "refused")], sum.reloads_refused);
        text.one("howdah_warnings_total", &[], sum.warnings);
        self.process.write(&mut text);
        text.finish()
    }
}

fn requests(text: &mut Text, sum: &Sum) {
    for ((route, method), served) in &sum.routes {
        for ((status, code), count) in &served.outcomes {
            let status = status.to_string();
            let labels = [
                ("route", route.as_str()),
                ("method", method),
                ("status", &status),
                ("code", code),
            ];
            text.one("howdah_requests_total", &labels, *count);
        }
    }
    for ((route, method), served) in &sum.routes {
        let labels = [("route", route.as_str()), ("method", method)];
        text.histogram("howdah_request_duration_seconds", &labels, &served.durations);
    }
    for ((route, method), served) in &sum.routes {
        text.one("howdah_answer_rows_total", &[("route", route), ("method", method)], served.rows);
    }
    for ((route, method), served) in &sum.routes {
        text.one(
            "howdah_answer_bytes_total",
            &[("route", route), ("method", method)],
            served.bytes,
        );
    }
}

fn callers(text: &mut Text, sum: &Sum, gauges: &Gauges) {
    text.one("howdah_requests_in_flight", &[], sum.begun.saturating_sub(sum.ended));
    text.one("howdah_caller_connections", &[], gauges.connections as u64);
    text.one("howdah_caller_connections_limit", &[], gauges.connections_limit as u64);
    for (class, count) in &sum.refused {
        text.one("howdah_statements_refused_total", &[("class", class)], *count);
    }
    text.one("howdah_tools_failed_total", &[], sum.tools_failed);
    text.one("howdah_cache_hits_total", &[], sum.cache_hits);
    text.one("howdah_cache_misses_total", &[], sum.cache_misses);
    text.one("howdah_cache_invalidations_total", &[], sum.cache_invalidations);
    text.one("howdah_idempotent_replays_total", &[], sum.replays);
}

/// One number of a lane.
type Look = fn(&LaneState) -> usize;

fn lanes(text: &mut Text, sum: &Sum, gauges: &Gauges) {
    let none = LaneSum::default();
    let looked_at: BTreeMap<&str, &LaneState> =
        gauges.lanes.iter().map(|it| (it.lane.as_str(), it)).collect();
    let gauge: [(&str, Look); 4] = [
        ("howdah_lane_connections", |it| it.connected),
        ("howdah_lane_connections_limit", |it| it.connections),
        ("howdah_lane_in_flight", |it| it.in_flight),
        ("howdah_lane_waiting", |it| it.waiting),
    ];
    for (name, value) in gauge {
        for (lane, state) in &looked_at {
            text.one(name, &[("lane", lane)], value(state) as u64);
        }
    }
    // A lane that did nothing yet shows a zero, so that a rate has something to begin with.
    let names: BTreeSet<&str> =
        looked_at.keys().copied().chain(sum.lanes.keys().map(String::as_str)).collect();
    for (act, name) in LANE_ACTS {
        for lane in &names {
            let done = sum.lanes.get(*lane).unwrap_or(&none).acts[act as usize];
            text.one(name, &[("lane", lane)], done);
        }
    }
    for lane in &names {
        let count = sum.lanes.get(*lane).unwrap_or(&none).connected;
        text.one("howdah_lane_connected_total", &[("lane", lane)], count);
    }
    for lane in &names {
        let count = sum.lanes.get(*lane).unwrap_or(&none).disconnected;
        text.one("howdah_lane_disconnected_total", &[("lane", lane)], count);
    }
    if let Some(up) = gauges.database_up {
        text.one("howdah_database_up", &[], u64::from(up));
    }
}

/// The acts of a lane that are counted, as an index.
const _: () = assert!(LaneAct::Batched as usize + 1 == LANE_ACTS.len());

#[cfg(test)]
mod tests;
