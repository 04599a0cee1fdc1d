//! A stream of rows as the body of a response, and what the log says of its end.

use super::{
    request_id::RequestId,
    response::{Aborted, Pieces},
};
use crate::{
    endpoint::RowStream,
    event::{Event, Observer, StreamEnd},
    service,
};
use bytes::Bytes;
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

/// The body of a response that streams. Dropped before its end, it stops its statement.
pub(super) struct Streaming {
    rows: RowStream,
    /// What was made before the response began.
    first: Option<Bytes>,
    bytes: u64,
    end: Option<(StreamEnd, Option<String>)>,
    observer: Observer,
    request_id: RequestId,
    route: String,
    started: Instant,
}

impl Streaming {
    /// `first` was made of `rows` already.
    pub(super) fn new(
        (rows, first): (RowStream, Bytes),
        observer: &Observer,
        request_id: &RequestId,
        route: &str,
        started: Instant,
    ) -> Self {
        Self {
            rows,
            first: Some(first),
            bytes: 0,
            end: None,
            observer: observer.clone(),
            request_id: request_id.clone(),
            route: route.to_owned(),
            started,
        }
    }
}

impl Pieces for Streaming {
    fn poll_piece(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Aborted>>> {
        let piece = match self.first.take() {
            Some(first) => Some(Ok(first)),
            None => std::task::ready!(self.rows.poll_piece(context)),
        };
        Poll::Ready(match piece {
            Some(Ok(piece)) => {
                self.bytes += piece.len() as u64;
                Some(Ok(piece))
            }
            Some(Err(failure)) => {
                let reason = service::log_reason(&failure).unwrap_or("unavailable").to_owned();
                self.end = Some((StreamEnd::Aborted, Some(reason)));
                Some(Err(Aborted))
            }
            None => {
                self.end = Some((StreamEnd::Complete, None));
                None
            }
        })
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        let (end, reason) = self.end.take().unwrap_or((StreamEnd::Left, None));
        (self.observer)(&Event::Streamed {
            request_id: self.request_id.as_str(),
            route: &self.route,
            end,
            reason: reason.as_deref(),
            rows: self.rows.rows(),
            bytes: self.bytes,
            duration: self.started.elapsed(),
        });
    }
}
