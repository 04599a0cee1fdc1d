//! A connection over which requests come at the same time: HTTP/2 (RFC 9113), by TLS' handshake.
//!
//! Owns its limits and its end. Frames are hyper's and h2's, which bound what resets, pings, settings
//! and endless header blocks may cost.

use super::{
    connection::{InFlight, Shared},
    pipeline,
    response::{Aborted, Body},
    server::Stage,
};
use crate::access::Names;
use bytes::Bytes;
use http::Request;
use hyper::{
    body::{Frame, Incoming, SizeHint},
    rt::Executor,
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    cell::Cell,
    convert::Infallible,
    future::Future,
    net::IpAddr,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Requests that one connection may have in flight (what most servers take).
const STREAMS: u32 = 128;
/// Bytes of answers that wait for a caller who does not take them, for each request.
const SEND_BUFFER: usize = 64 * 1024;
/// How often a caller is asked whether it is still there, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is looked at whether the connection stands idle or still.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a connection has been doing.
struct Activity {
    /// When bytes came or went last.
    moved: Cell<Instant>,
    /// Requests in flight, their answers' bodies too.
    open: Cell<usize>,
    /// Requests that ever came.
    came: Cell<u64>,
}

/// Serves a connection to its end.
pub(super) async fn serve<T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    peer: Option<IpAddr>,
    shown: Option<Arc<Names>>,
    shared: Rc<Shared>,
) {
    let limits = shared.serving.borrow().service.config.limits.clone();
    let activity = Rc::new(Activity {
        moved: Cell::new(Instant::now()),
        open: Cell::new(0),
        came: Cell::new(0),
    });
    let service = service_fn(|mut request: Request<Incoming>| {
        if let Some(names) = &shown {
            request.extensions_mut().insert(Arc::clone(names));
        }
        let shared = Rc::clone(&shared);
        let open = Open::new(&activity);
        let in_flight = InFlight::new(&shared);
        async move {
            let serving = Rc::clone(&shared.serving.borrow());
            let response = pipeline::answer(&serving, request, peer, &shared.observer).await;
            Ok::<_, Infallible>(response.map(|body| Counted {
                body,
                _open: open,
                _in_flight: in_flight,
            }))
        }
    });
    let header_bytes = u32::try_from(limits.header_bytes).unwrap_or(u32::MAX);
    let connection = http2::Builder::new(OnThisThread)
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(header_bytes)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(
            TokioIo::new(Watched { stream, activity: Rc::clone(&activity) }),
            service,
        );
    let mut connection = pin!(connection);
    let mut stage = shared.stage.clone();
    let mut closing = false;
    loop {
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            _ = stage.wait_for(|stage| *stage == Stage::Closing), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                let still = activity.moved.get().elapsed();
                let limit = match (activity.open.get(), activity.came.get()) {
                    // Not even a first request.
                    (0, 0) => limits.header_timeout,
                    (0, _) => limits.idle_timeout,
                    // Answers have deadlines of their own; a caller who takes none of them has this.
                    _ => limits.idle_timeout + limits.body_timeout,
                };
                if still <= limit {
                    continue;
                }
                if closing || activity.open.get() > 0 {
                    return;
                }
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Runs a request's task on the thread of its connection.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output = ()> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// A request in flight, in its connection's count.
struct Open(Rc<Activity>);

impl Open {
    fn new(activity: &Rc<Activity>) -> Self {
        activity.open.set(activity.open.get() + 1);
        activity.came.set(activity.came.get() + 1);
        Self(Rc::clone(activity))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
    }
}

/// A body that counts as in flight until it was taken.
struct Counted {
    body: Body,
    _open: Open,
    _in_flight: InFlight,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that notes when bytes come and go.
struct Watched<T> {
    stream: T,
    activity: Rc<Activity>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.moved.set(Instant::now());
        }
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, buffer);
        if matches!(result, Poll::Ready(Ok(1..))) {
            self.activity.moved.set(Instant::now());
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        if matches!(result, Poll::Ready(Ok(1..))) {
            self.activity.moved.set(Instant::now());
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
