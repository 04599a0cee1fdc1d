//! The counters of all threads, added up.

use super::{
    cells::{Cells, LANE_ACTS, read},
    histogram::Durations,
};
use std::collections::BTreeMap;

/// What one route answered.
#[derive(Clone, Debug, Default)]
pub(super) struct RouteSum {
    pub(super) durations: Durations,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// How often it had a status and a problem's code.
    pub(super) outcomes: BTreeMap<(u16, &'static str), u64>,
}

/// What one lane did.
#[derive(Clone, Debug, Default)]
pub(super) struct LaneSum {
    /// In the order of [`LANE_ACTS`].
    pub(super) acts: [u64; LANE_ACTS.len()],
    pub(super) connected: u64,
    pub(super) disconnected: u64,
}

/// Everything that was counted. Names are in order, so that two scrapes look alike.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    /// By route and method.
    pub(super) routes: BTreeMap<(String, String), RouteSum>,
    /// By name.
    pub(super) lanes: BTreeMap<String, LaneSum>,
    /// Refused statements by the SQLSTATE's class.
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) begun: u64,
    pub(super) ended: u64,
    pub(super) tools_failed: u64,
    pub(super) reloads: u64,
    pub(super) reloads_refused: u64,
    pub(super) warnings: u64,
    pub(super) cache_hits: u64,
    pub(super) cache_misses: u64,
    pub(super) cache_invalidations: u64,
    pub(super) replays: u64,
}

impl Sum {
    /// What `threads` have counted together.
    pub(super) fn of(threads: &[Cells]) -> Self {
        let mut sum = Self::default();
        // All ends are read before all beginnings, so that never more have ended than have begun.
        for cells in threads {
            sum.ended += cells.plain.ended.read();
        }
        for cells in threads {
            sum.add(cells);
        }
        sum
    }

    fn add(&mut self, cells: &Cells) {
        let plain = &cells.plain;
        self.begun += plain.begun.read();
        self.tools_failed += plain.tools_failed.read();
        self.reloads += plain.reloads.read();
        self.reloads_refused += plain.reloads_refused.read();
        self.warnings += plain.warnings.read();
        self.cache_hits += plain.cache_hits.read();
        self.cache_misses += plain.cache_misses.read();
        self.cache_invalidations += plain.cache_invalidations.read();
        self.replays += plain.replays.read();
        for route in read(&cells.routes) {
            let key = (route.path.clone(), route.method.clone());
            let sum = self.routes.entry(key).or_default();
            sum.durations.add(&route.durations);
            sum.rows += route.rows.read();
            sum.bytes += route.bytes.read();
            for outcome in read(&route.outcomes) {
                *sum.outcomes.entry((outcome.status, outcome.code)).or_default() +=
                    outcome.count.read();
            }
        }
        for lane in read(&cells.lanes) {
            let sum = self.lanes.entry(lane.name.clone()).or_default();
            for (sum, count) in sum.acts.iter_mut().zip(&lane.acts) {
                *sum += count.read();
            }
            sum.connected += lane.connected.read();
            sum.disconnected += lane.disconnected.read();
        }
        for class in read(&cells.classes) {
            *self.refused.entry(class.class.clone()).or_default() += class.count.read();
        }
    }
}
