//! HTTP/1.1 for the few: the listeners of operators and of the keeper, on the thread that they are on.
//!
//! Owns accepting and the limits of a head. Does not own what is answered (`admin`, `api`), nor the public
//! listener, whose connections are dealt out over threads (`server`).

use super::{
    listener::{Listener, Stream},
    response::Body,
};
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};

/// How long a caller may take to send a head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Header fields that a request may have.
const HEADERS: usize = 50;
/// How long to wait after the kernel refused to accept, as when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections of `listener` by `answer` until it is dropped. Runs on this thread's `LocalSet`.
pub(super) async fn serve<A, L>(listener: &Listener, answer: A)
where
    A: Fn(Request<Incoming>) -> L + Clone + 'static,
    L: Future<Output = Response<Body>> + 'static,
{
    loop {
        let Ok(accepted) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let answer = answer.clone();
        tokio::task::spawn_local(async move {
            match accepted.attach() {
                Ok(Stream::Tcp(stream)) => serve_stream(stream, answer).await,
                Ok(Stream::Unix(stream)) => serve_stream(stream, answer).await,
                Err(_) => {}
            }
        });
    }
}

async fn serve_stream<T, A, L>(stream: T, answer: A)
where
    T: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<Incoming>) -> L,
    L: Future<Output = Response<Body>>,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
