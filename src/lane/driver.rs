//! The task of one connection: it connects, hands over to the link, and connects again when that
//! ends.

use super::{RowSink, Settings, backoff::Backoff, pool::Pool, session_settings};
use crate::postgres::wire;
use std::{future::poll_fn, rc::Rc, time::Duration};
use tokio::time::Instant;

/// How long a connection must have lasted for the next to be made without waiting. A server that
/// takes connections and drops them is not to be asked in a tight loop.
const STEADY: Duration = Duration::from_secs(1);

/// Keeps connection `index` of the pool open until the lane closes.
pub(super) async fn drive<S: RowSink + 'static>(pool: Rc<Pool<S>>, index: usize) {
    let mut backoff = Backoff::default();
    let Settings { statement_timeout, writes, .. } = &pool.settings;
    let timeout = statement_timeout.as_millis().to_string();
    let session = session_settings(&pool.target, &timeout, *writes);
    while !pool.is_closed() {
        let mut denied = false;
        let reason = match wire::connect(&pool.target, &session).await {
            Ok(wire) => {
                let since = Instant::now();
                let mut link = pool.comes_up(index, wire);
                let end = poll_fn(|context| link.turn(&pool, index, context)).await;
                pool.goes_down(index, link.written());
                if since.elapsed() >= STEADY {
                    backoff.reset();
                }
                match end {
                    Ok(()) => return link.say_goodbye().await,
                    Err(error) => error.to_string(),
                }
            }
            Err(error) => {
                pool.stays_down();
                denied = error.is_denial();
                error.to_string()
            }
        };
        if pool.is_closed() {
            return;
        }
        let retry_in = if denied { backoff.denied() } else { backoff.next() };
        pool.report(&reason, retry_in);
        tokio::time::sleep(retry_in).await;
    }
}
