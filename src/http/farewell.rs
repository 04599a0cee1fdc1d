//! The end of a connection: the last answer when no request could be read, and a close that the
//! caller gets to see.
//!
//! hyper answers a head that it cannot read without a body, and closes. `clock::Timed` keeps that
//! answer back, and the problem is sent from here instead.

use super::{clock::Clock, request_id::RequestId, response};
use crate::{
    event::{Event, Observer},
    problem::{Code, Problem},
};
use http::{HeaderMap, Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, net::IpAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout},
};

/// How long the last answer may take to be written.
const WRITING: Duration = Duration::from_secs(2);
/// How long what the caller still sends is read and thrown away. Closing with bytes unread resets
/// the connection, and the caller may lose the answer (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(1);

/// How a connection ended.
pub(super) enum End {
    /// hyper is done with it.
    Done(Result<(), hyper::Error>),
    /// It was at one thing for too long.
    Late,
}

/// Why the last request got no answer yet, when it deserves one.
pub(super) fn problem(end: &End, clock: &Clock) -> Option<Problem> {
    use super::clock::Phase;
    if !matches!(clock.phase(), Phase::Idle(_) | Phase::Head(_)) {
        return None;
    }
    let malformed = |detail: &str| Problem::new(Code::MalformedRequest).detail(detail);
    match (clock.refused(), end) {
        (Some(431), _) if !clock.line_came() => Some(Problem::new(Code::UriTooLong)),
        (Some(431), _) => Some(Problem::new(Code::HeadersTooLarge)),
        (Some(414), _) => Some(Problem::new(Code::UriTooLong)),
        (Some(_), _) => Some(malformed("The request's head is not HTTP/1.1.")),
        (None, End::Late) if !clock.is_idle() => Some(Problem::new(Code::RequestTimeout)),
        (None, End::Done(Err(error))) if error.is_parse() => {
            Some(malformed("The service speaks HTTP/1.1."))
        }
        (None, End::Done(Err(error))) if error.is_incomplete_message() && !clock.is_idle() => {
            Some(malformed("The request's head broke off."))
        }
        _ => None,
    }
}

/// Sends `problem` as the connection's last answer.
pub(super) async fn send<T: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut T,
    problem: &Problem,
    logged: Option<IpAddr>,
    observer: &Observer,
) {
    let started = Instant::now();
    let nothing = HeaderMap::new();
    let id = RequestId::of(&nothing);
    let service = service_fn(|_: Request<Incoming>| {
        let response = response::problem(problem, &id, &nothing);
        async move { Ok::<_, Infallible>(response) }
    });
    // hyper writes answers to requests only; this one stands for the one that could not be read.
    let request: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let (_, writer) = tokio::io::split(&mut *stream);
    let answer = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(tokio::io::join(request, writer)), service);
    let _ = timeout(WRITING, answer).await;
    observer(&Event::Answered {
        request_id: id.as_str(),
        method: "",
        route: "",
        status: problem.status(),
        code: Some(problem.code().slug()),
        rows: 0,
        bytes: 0,
        duration: started.elapsed(),
        address: logged,
        caller: None,
    });
}

/// Closes this side, and reads what still comes until the caller closes theirs.
pub(super) async fn close<T: AsyncRead + AsyncWrite + Unpin>(stream: &mut T, clock: &Clock) {
    let _ = stream.shutdown().await;
    if clock.caller_closed() {
        return;
    }
    // Its buffer is made now: one in this future would be held by every connection for as long as it lives.
    let _ = timeout(LINGER, tokio::io::copy(stream, &mut tokio::io::sink())).await;
}
