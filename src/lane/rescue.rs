//! Rescue: reads that stand behind a slow statement are sent again elsewhere.
//!
//! Owns when that is done. Requests on a connection are answered in their order, so one that takes
//! long holds up all behind it. Those are sent a second time on another connection, and the first
//! answer wins; what runs is never sent a second time, and writes never are.

use super::{
    RowSink,
    flight::Cargo,
    pool::Pool,
    queue::{Line, same_batch},
};
use crate::event::LaneAct;
use std::{rc::Rc, time::Duration};
use tokio::time::sleep;

/// How often somebody looks whether a connection is held up, while calls stand behind others.
const LOOK: Duration = Duration::from_millis(1);
/// How long a statement holds up others before they are sent elsewhere, at least.
const PATIENCE: Duration = Duration::from_millis(2);
/// How many times as long as usual it must have run: a busy machine makes everything slower, and
/// sending twice what only waits for a processor makes it slower still.
const UNUSUAL: u32 = 4;
/// The most calls that are sent again at one look.
const AT_ONCE: usize = 64;

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
    let mut any = false;
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
            held_up.push(index);
        }
    }
    for &index in &held_up {
        let stranded = pool.connections[index].stranded();
        let mut loads = stranded.into_iter().take(AT_ONCE).peekable();
        while let Some(first) = loads.next() {
            let Some(to) = pool.freest_but(&held_up) else { return any };
            let mut group = vec![first];
            while let Some(next) = loads.next_if(|next| same_batch(&group[0], next)) {
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
