//! A connection that its job is done with, or left in the middle of something.
//!
//! Left so, what it does is stopped: by words where the server listens, else by a cancel request,
//! after which the connection is closed. A cancel request names a backend, not a statement, and may
//! hit once more later; a connection that is closed cannot be hit.

use super::{
    Shared,
    socket::{Socket, Transaction},
};
use crate::postgres::cancel;
use postgres_protocol::message::{backend::READY_FOR_QUERY_TAG, frontend};
use std::{future::poll_fn, io, ops::ControlFlow, rc::Rc, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

/// How long a statement that nobody wants may go on: most end within it, and a cancel request costs
/// the server a process.
const GRACE: Duration = Duration::from_millis(10);
/// How long a server that listens may take to roll back.
const ROLLING_BACK: Duration = Duration::from_secs(5);

/// Takes a connection back. Its place is taken until the server has let go of what it did.
pub(super) fn release(mut socket: Socket, shared: &Rc<Shared>, place: OwnedSemaphorePermit) {
    if socket.is_clean() {
        shared.keep(socket);
        return;
    }
    if socket.broken {
        return;
    }
    let shared = Rc::clone(shared);
    tokio::task::spawn_local(async move {
        let _place = place;
        let listens = socket.copies_in || socket.owed == 0;
        if socket.copies_in {
            // The message has no NUL and is short.
            let _ = frontend::copy_fail("nobody sends any more", &mut socket.out);
        }
        let patience = if listens { ROLLING_BACK } else { GRACE };
        if !matches!(timeout(patience, settle(&mut socket)).await, Ok(Ok(()))) {
            let _ = cancel::cancel(&socket.peer, socket.key, || true).await;
            return socket.say_goodbye().await;
        }
        if socket.transaction != Transaction::None {
            let told = frontend::query("ROLLBACK", &mut socket.out);
            socket.owed += 1;
            if told.is_err()
                || !matches!(timeout(ROLLING_BACK, settle(&mut socket)).await, Ok(Ok(())))
            {
                return socket.say_goodbye().await;
            }
        }
        if socket.is_clean() {
            socket.refusal = None;
            shared.keep(socket);
        } else {
            socket.say_goodbye().await;
        }
    });
}

/// Throws away what comes until the server owes nothing.
async fn settle(socket: &mut Socket) -> io::Result<()> {
    if socket.owed == 0 {
        return Ok(());
    }
    poll_fn(|context| {
        socket.poll_messages(context, 0, |known, tag, _| {
            Ok(if tag == READY_FOR_QUERY_TAG && known.owed == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })
    })
    .await
}
