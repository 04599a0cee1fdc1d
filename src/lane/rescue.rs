//! Rescue: reads that stand behind a slow statement are sent again elsewhere.
//!
//! Owns when that is done. Requests on a connection are answered in their order, so one that takes
//! long holds up all behind it. Those are sent a second time on another connection, and the first
//! answer wins; what runs is never sent a second time, and writes never are. What has run for a time
//! is taken to run for as long again, so nothing is sent to where it would wait for longer than that:
//! where every connection has its queue, a second copy only takes from the others.
//!
//! Whoever looks lets those go too who wait for others to share a run with (`Pool::lets_go`).

use super::{
    RowSink,
    flight::Cargo,
    pool::Pool,
    queue::{Line, same_batch},
};
use crate::event::LaneAct;
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::time::sleep;

/// How often somebody looks whether a connection is held up, while calls stand behind others.
const LOOK: Duration = Duration::from_millis(1);
/// How long a statement holds up others before they are sent elsewhere, at least.
const PATIENCE: Duration = Duration::from_millis(2);
/// How many times as long as usual it must have run.
pub(super) const UNUSUAL: u32 = 4;
/// The most calls that are sent again at one look.
const AT_ONCE: usize = 64;
/// One call in so many may be sent again.
const ONE_IN: u32 = 20;
/// Calls that may be sent again when none was for long.
const SAVED: u32 = 256;

/// How many calls may still be sent again. What is sent twice is work done twice, and a machine that is
/// slow for all it has to do becomes no faster by it.
pub(super) struct Allowance(Cell<u32>);

impl Default for Allowance {
    fn default() -> Self {
        Self(Cell::new(SAVED * ONE_IN))
    }
}

impl Allowance {
    /// A call is sent.
    pub(super) fn earn(&self) {
        self.0.set((self.0.get() + 1).min(SAVED * ONE_IN));
    }

    /// Says whether a call may be sent again, and counts it.
    fn spend(&self) -> bool {
        let left = self.0.get().checked_sub(ONE_IN);
        self.0.set(left.unwrap_or(self.0.get()));
        left.is_some()
    }
}

/// Looks out for connections that are held up, until the lane closes.
pub(super) async fn look_out<S: RowSink + 'static>(pool: Rc<Pool<S>>) {
    let mut first_seen = vec![0; pool.connections.len()];
    while !pool.is_closed() {
        pool.lookout.notified().await;
        loop {
            sleep(LOOK).await;
            if pool.is_closed() || !look(&pool, &mut first_seen) {
                break;
            }
        }
    }
}

/// Sends again what stands behind statements that take long; `first_seen` has what stood first on each
/// connection at the last look. Says whether anything stands behind anything.
fn look<S: RowSink>(pool: &Pool<S>, first_seen: &mut [u64]) -> bool {
    let mut any = pool.lets_go();
    let mut held_up = Vec::new();
    for (index, connection) in pool.connections.iter().enumerate() {
        let blocking = connection.blocking();
        any |= blocking.is_some();
        let (first, statement, since) = blocking.unwrap_or_default();
        // An answer that came between two looks has been read by the second.
        let still = std::mem::replace(&mut first_seen[index], first) == first;
        if blocking.is_some()
            && still
            && since >= PATIENCE.max(pool.typical(statement).saturating_mul(UNUSUAL))
        {
            held_up.push((index, since));
        }
    }
    let shunned: Vec<_> = held_up.iter().map(|&(index, _)| index).collect();
    for (index, since) in held_up {
        let stranded = pool.connections[index].stranded();
        let mut loads = stranded.into_iter().take(AT_ONCE).peekable();
        while let Some(first) = loads.next() {
            let Some(to) = pool.freest_but(&shunned) else { return any };
            if since < pool.expected_wait(to) || !pool.allowance.spend() {
                break;
            }
            let mut group = vec![first];
            while let Some(next) =
                loads.next_if(|next| same_batch(&group[0], next) && pool.allowance.spend())
            {
                group.push(next);
            }
            for load in &group {
                // It is no attempt of its own.
                load.with_call(|call| call.attempts = call.attempts.saturating_sub(1));
                pool.tell(LaneAct::Rescued);
            }
            let line = if group.len() > 1 { Line::Batch } else { Line::Fast };
            if let Some(cargo) = Cargo::of(group) {
                pool.send(to, cargo, line);
            }
        }
    }
    any
}
