//! The end of a listener: nobody who has begun a connection is left in its queue.

use crate::http::listener::{Accepted, Listener};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long connections are still accepted that had been waiting when the process was asked to end.
const LAST_ACCEPT: Duration = Duration::from_millis(20);
/// The same where no further ones begin: a handshake takes a round trip, and must end before the listener
/// is closed.
const LAST_HANDSHAKE: Duration = Duration::from_millis(250);
/// At most so long: a caller whose first packet was dropped tries again after a second, and must find
/// another listener then.
const LONGEST: Duration = Duration::from_millis(900);
/// How often it is looked whether the machine keeps up.
const TICK: Duration = Duration::from_millis(10);
/// A thread that runs so much later than it should shows that handshakes wait, too.
const BEHIND: Duration = Duration::from_millis(40);

/// Takes what the kernel has completed, and of an address that others share (`shared`) what has begun, until
/// the listener can be closed. While the machine does not keep up, the time does not count.
pub(super) async fn accept_last(
    listener: &Listener,
    shared: bool,
    mut hand_out: impl FnMut(Accepted),
) {
    let begun = Instant::now();
    let (waits, longest) = if shared && listener.begin_no_more() {
        (LAST_HANDSHAKE, LONGEST)
    } else {
        (LAST_ACCEPT, LAST_ACCEPT)
    };
    let mut calm_since = begun;
    while calm_since.elapsed() < waits && begun.elapsed() < longest {
        let tick = Instant::now();
        match timeout_at(tick + TICK, listener.accept()).await {
            Ok(Ok(accepted)) => hand_out(accepted),
            // One that has gone again. The others still wait.
            Ok(Err(_)) => sleep(TICK).await,
            Err(_) => {}
        }
        if tick.elapsed() > BEHIND {
            calm_since = Instant::now();
        }
    }
}

/// Closes the listener. Where the kernel could not be told to begin nothing, callers come until its last moment, and
/// whoever is in the queue then is reset: they are taken from the kernel itself, which the runtime asks only when it
/// has nothing else to do, and nothing comes between the last answer that there is nobody and the close.
pub(super) fn close(listener: Listener, mut hand_out: impl FnMut(Accepted)) {
    let Ok(bound) = listener.into_bound() else { return };
    while let Some(accepted) = bound.accept_waiting() {
        hand_out(accepted);
    }
}
