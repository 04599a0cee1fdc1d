//! Stopping a statement that nobody wants any more.
//!
//! Owns when a cancel request is sent, and what happens when it does no good. A cancel request names
//! a backend, not a statement, so it is sent only for the statement that the backend runs, only when
//! that does not end by itself, and nothing is sent to the backend while it is under way.

use super::{RowSink, pool::Pool};
use crate::postgres::cancel;
use std::{rc::Rc, time::Duration};
use tokio::time::sleep;

/// How long a statement that nobody wants may go on. Most end within it, and a new process on the
/// server for each caller that hangs up would be an attack on it.
const GRACE: Duration = Duration::from_millis(10);
/// How long to wait before the request is sent again: it may have come before the statement.
const AGAIN: Duration = Duration::from_millis(500);
/// How many requests are sent before the connection is given up.
const REQUESTS: usize = 3;

/// Has the statement `flight` stopped, which runs on connection `index` and is not wanted.
pub(super) async fn withdraw<S: RowSink + 'static>(pool: Rc<Pool<S>>, index: usize, flight: u64) {
    let connection = &pool.connections[index];
    sleep(GRACE).await;
    for _ in 0..REQUESTS {
        let Some((peer, key)) = connection.hold(flight) else { return };
        let sent = cancel::cancel(&peer, key, || connection.will_be_cancelled(flight)).await;
        connection.release(flight);
        pool.dispatch();
        if sent.is_err() {
            break;
        }
        sleep(AGAIN).await;
    }
    // A server that does not take the request, or a statement that does not obey it, would keep
    // the connection from everybody else.
    connection.end_withdrawal(flight);
}
