//! One connection from a caller: requests in turn, until it ends or the process does.

use super::{
    clock::{Clock, Clocks, Timed},
    farewell::{self, End},
    greeting, http2,
    listener::{Accepted, Stream},
    pipeline,
    response::{Aborted, Body},
    server::Stage,
    tls,
};
use crate::{
    access::Names,
    config::Limits,
    event::{Event, Observer},
    problem::{Code, Problem},
    service::Serving,
};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    cell::RefCell,
    convert::Infallible,
    net::IpAddr,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

/// How long an idle connection stays open once the process ends, for a request that is on its way.
const LAST_CALL: Duration = Duration::from_millis(250);
/// The same on a connection that has had none: it was opened for one.
const FIRST_CALL: Duration = Duration::from_secs(1);

/// What the connections of a thread share.
pub(super) struct Shared {
    /// The service as it is now; a reload puts another one here, and requests that began keep theirs.
    pub(super) serving: RefCell<Rc<Serving>>,
    pub(super) observer: Observer,
    pub(super) clocks: Clocks,
    /// What TLS connections are made with; `None` speaks none.
    pub(super) tls: Option<tls::Current>,
    /// Whether requests are to be taken, and callers to be kept.
    pub(super) stage: watch::Receiver<Stage>,
}

impl Shared {
    /// The connection's address, where the log is to keep it.
    fn logged(&self, peer: Option<IpAddr>) -> Option<IpAddr> {
        peer.filter(|_| self.serving.borrow().service.config.log.addresses)
    }
}

/// Serves a connection to its end. Whatever ends it early is the caller's doing and is not told.
pub(super) async fn serve(accepted: Accepted, shared: Rc<Shared>) {
    let peer = accepted.peer();
    match accepted.attach() {
        Ok(Stream::Tcp(stream)) => {
            let Some(peer) = greeting::peer(&stream, peer, &shared.serving).await else { return };
            match &shared.tls {
                // Apart, so that a connection without does not hold the room.
                Some(tls) => {
                    let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow()));
                    Box::pin(serve_tls(stream, peer, acceptor, shared)).await;
                }
                None => serve_stream(stream, peer, None, shared).await,
            }
        }
        Ok(Stream::Unix(stream)) => serve_stream(stream, peer, None, shared).await,
        Err(_) => {}
    }
}

/// The first byte of a TLS record that begins a handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

/// Shakes hands, and serves the protocol that both sides chose.
async fn serve_tls(
    mut stream: TcpStream,
    peer: Option<IpAddr>,
    acceptor: TlsAcceptor,
    shared: Rc<Shared>,
) {
    let patience = shared.serving.borrow().service.config.limits.header_timeout;
    let mut first = [0];
    let handshake = async {
        match stream.peek(&mut first).await {
            Ok(1) if first == [HANDSHAKE] => Some(acceptor.accept(stream).await),
            // Whoever does not even try gets an answer that can be read.
            Ok(1) => {
                let problem = Problem::new(Code::MalformedRequest)
                    .detail("This listener speaks TLS: use `https`.");
                let logged = shared.logged(peer);
                farewell::send(&mut stream, &problem, logged, &shared.observer).await;
                None
            }
            _ => None,
        }
    };
    if let Ok(Some(Ok(stream))) = tokio::time::timeout(patience, handshake).await {
        let connection = stream.get_ref().1;
        let shown = tls::shown(connection);
        if connection.alpn_protocol() == Some(tls::H2) {
            http2::serve(stream, peer, shown, shared).await;
        } else {
            serve_stream(stream, peer, shown, shared).await;
        }
    }
}

async fn serve_stream<T: AsyncRead + AsyncWrite + Unpin>(
    mut stream: T,
    peer: Option<IpAddr>,
    shown: Option<Arc<Names>>,
    shared: Rc<Shared>,
) {
    let clock = shared.clocks.start();
    let end = serve_requests(&mut stream, peer, shown, &clock, &shared).await;
    if let Some(problem) = farewell::problem(&end, &clock) {
        farewell::send(&mut stream, &problem, shared.logged(peer), &shared.observer).await;
    }
    farewell::close(&mut stream, &clock).await;
}

async fn serve_requests<T: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut T,
    peer: Option<IpAddr>,
    shown: Option<Arc<Names>>,
    clock: &Rc<Clock>,
    shared: &Rc<Shared>,
) -> End {
    let limits = shared.serving.borrow().service.config.limits.clone();
    let service = service_fn(|mut request: Request<Incoming>| {
        if let Some(names) = &shown {
            request.extensions_mut().insert(Arc::clone(names));
        }
        let shared = Rc::clone(shared);
        let clock = Rc::clone(clock);
        clock.answering();
        let in_flight = InFlight::new(&shared);
        async move {
            let serving = Rc::clone(&shared.serving.borrow());
            let mut response = pipeline::answer(&serving, request, peer, &shared.observer).await;
            // Of a body that came too slowly or was too large, some is unread still.
            let cut = [StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE];
            if cut.contains(&response.status()) || *shared.stage.borrow() != Stage::Serving {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            clock.sending();
            Ok::<_, Infallible>(response.map(|body| TrackedBody {
                body,
                clock,
                _in_flight: in_flight,
            }))
        }
    });
    let timed = Timed { stream, clock: Rc::clone(clock) };
    let connection = builder(&limits).serve_connection(TokioIo::new(timed), service);
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        result = connection.as_mut() => return End::Done(result),
        () = clock.expired() => return End::Late,
        () = drained(shared, clock) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        result = connection => End::Done(result),
        () = clock.expired() => End::Late,
    }
}

/// Resolves when the process ends. A request may be on its way meanwhile on a connection that
/// stands idle; it is waited for, for a moment.
async fn drained(shared: &Shared, clock: &Clock) {
    let mut stage = shared.stage.clone();
    let _ = stage.wait_for(|stage| *stage == Stage::Closing).await;
    if clock.is_idle() {
        let waits = if clock.has_answered() { LAST_CALL } else { FIRST_CALL };
        tokio::time::sleep(waits).await;
    }
}

/// A request in flight, from its head to the moment when its answer was taken or its caller left.
pub(super) struct InFlight(Rc<Shared>);

impl InFlight {
    pub(super) fn new(shared: &Rc<Shared>) -> Self {
        (shared.observer)(&Event::Began);
        Self(Rc::clone(shared))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        (self.0.observer)(&Event::Ended);
    }
}

/// A body that tells its connection's clock what is waited for, and when it was taken.
struct TrackedBody {
    body: Body,
    clock: Rc<Clock>,
    _in_flight: InFlight,
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.clock.body_taken();
    }
}

impl hyper::body::Body for TrackedBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        // It is asked only when the caller has taken what came before.
        if matches!(self.body, Body::Stream(_)) {
            match frame {
                Poll::Ready(_) => self.clock.sending(),
                Poll::Pending => self.clock.answering(),
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // The buffer must hold a head; hyper asks for 8 KiB at least.
    builder
        .max_headers(limits.headers)
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes.max(8192))
        .half_close(false);
    builder
}
