//! The task of one connection: it connects, hands over to the link, and connects again when that
//! ends.
//!
//! When the database is away, one connection of the lane asks for it often and tells the others when it is back; they
//! ask less often, for the case that the one hangs.

use super::{RowSink, Settings, backoff::Backoff, pool::Pool, session_settings};
use crate::postgres::wire;
use std::{future::poll_fn, rc::Rc, time::Duration};
use tokio::{sync::Notify, time::Instant};

/// How long a connection on which nothing was answered must have lasted for the next to be made without waiting. A
/// server that takes connections and drops them is not to be asked in a tight loop.
const STEADY: Duration = Duration::from_secs(1);
/// The connection that asks for all.
const SCOUT: usize = 0;

/// Why there is no connection now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gone {
    /// It was there and broke.
    Broke,
    /// It could not be made.
    Away,
    /// The server does not let us in.
    Denied,
}

/// Keeps connection `index` of the pool open until the lane closes.
pub(super) async fn drive<S: RowSink + 'static>(pool: Rc<Pool<S>>, index: usize) {
    let mut backoff = Backoff::default();
    let Settings { statement_timeout, writes, .. } = &pool.settings;
    let timeout = statement_timeout.as_millis().to_string();
    let session = session_settings(&pool.target, &timeout, *writes);
    while !pool.is_closed() {
        let began = Instant::now();
        let (gone, reason) = match wire::connect(&pool.target, &session).await {
            Ok(wire) => {
                let since = Instant::now();
                let mut link = pool.comes_up(index, wire);
                let end = poll_fn(|context| link.turn(&pool, index, context)).await;
                let served = pool.connections[index].has_served();
                pool.goes_down(index, link.written());
                if served || since.elapsed() >= STEADY {
                    backoff.reset();
                }
                match end {
                    Ok(()) => return link.say_goodbye().await,
                    Err(error) => (Gone::Broke, error.to_string()),
                }
            }
            Err(error) => {
                pool.stays_down();
                let gone = if error.is_denial() { Gone::Denied } else { Gone::Away };
                // What it was told was true before another came in.
                if gone == Gone::Away && pool.came_back_since(began) {
                    backoff.reset();
                }
                (gone, error.to_string())
            }
        };
        if pool.is_closed() {
            return;
        }
        let retry_in = match gone {
            Gone::Denied => backoff.denied(),
            _ if index == SCOUT && !pool.is_connected() => backoff.soon(),
            _ => backoff.next(),
        };
        pool.report(&reason, retry_in);
        rest(retry_in, Some(&pool.returned).filter(|_| gone == Gone::Away)).await;
    }
}

/// Waits for so long, or until it is told that the database is back.
async fn rest(retry_in: Duration, returned: Option<&Notify>) {
    let Some(returned) = returned else { return tokio::time::sleep(retry_in).await };
    // That nobody has told is no error.
    let _ = tokio::time::timeout(retry_in, returned.notified()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn who_waits_is_told_that_the_database_is_back() {
        let returned = Notify::new();
        let tell = async {
            tokio::task::yield_now().await;
            returned.notify_waiters();
        };
        let told = async { tokio::join!(rest(HOUR, Some(&returned)), tell) };
        tokio::time::timeout(Duration::from_mins(1), told).await.expect("it is told");
    }

    #[tokio::test]
    async fn who_is_not_let_in_waits_whoever_is() {
        let returned = Notify::new();
        let mut waits = Box::pin(rest(HOUR, None));
        assert!(tokio::time::timeout(Duration::ZERO, &mut waits).await.is_err());
        returned.notify_waiters();
        assert!(tokio::time::timeout(Duration::ZERO, &mut waits).await.is_err());
    }
}
