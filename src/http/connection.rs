//! One connection from a caller: requests in turn, until it ends or the process does.

use super::{
    clock::{Clocks, Timed},
    listener::{Accepted, Stream},
    pipeline,
};
use crate::{config::Limits, event::Observer, service::Serving};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{cell::RefCell, convert::Infallible, pin::pin, rc::Rc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};

/// What the connections of a thread share.
pub(super) struct Shared {
    /// The service as it is now; a reload puts another one here, and requests that began keep theirs.
    pub(super) serving: RefCell<Rc<Serving>>,
    pub(super) observer: Observer,
    pub(super) clocks: Clocks,
    /// Becomes true when no more requests are to be taken.
    pub(super) draining: watch::Receiver<bool>,
}

/// Serves a connection to its end. Whatever ends it early is the caller's doing and is not told.
pub(super) async fn serve(accepted: Accepted, shared: Rc<Shared>) {
    match accepted.attach() {
        Ok(Stream::Tcp(stream)) => serve_stream(stream, shared).await,
        Ok(Stream::Unix(stream)) => serve_stream(stream, shared).await,
        Err(_) => {}
    }
}

async fn serve_stream<T: AsyncRead + AsyncWrite + Unpin>(stream: T, shared: Rc<Shared>) {
    let clock = shared.clocks.start();
    let mut draining = shared.draining.clone();
    let limits = shared.serving.borrow().service.config.limits.clone();
    let service = service_fn(|request: Request<Incoming>| {
        let shared = Rc::clone(&shared);
        let clock = Rc::clone(&clock);
        clock.answering();
        async move {
            let serving = Rc::clone(&shared.serving.borrow());
            let response = pipeline::answer(&serving, request, &shared.observer).await;
            clock.idle();
            Ok::<_, Infallible>(response)
        }
    });
    let timed = Timed { stream, clock: Rc::clone(&clock) };
    let connection = builder(&limits).serve_connection(TokioIo::new(timed), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = clock.expired() => {}
        _ = draining.wait_for(|draining| *draining) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = connection => {}
                () = clock.expired() => {}
            }
        }
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // The buffer must hold a head; hyper asks for 8 KiB at least.
    builder
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes.max(8192))
        .half_close(false);
    builder
}
