//! COPY in both directions, in pieces.

use super::job::{Exclusive, unasked};
use crate::lane::Failure;
use bytes::BufMut;
use postgres_protocol::message::{
    backend::{
        COMMAND_COMPLETE_TAG, COPY_DATA_TAG, COPY_DONE_TAG, ERROR_RESPONSE_TAG, READY_FOR_QUERY_TAG,
    },
    frontend,
};
use std::{
    future::poll_fn,
    ops::ControlFlow,
    task::{Context, Poll},
};

/// The data of one message, at most; the server reads a message whole.
const PIECE: usize = 64 * 1024;

/// `COPY … FROM STDIN` under way. Dropped before its end, it leaves nothing in the table: the server
/// is told to fail.
pub struct CopyIn<'e> {
    job: &'e mut Exclusive,
}

impl<'e> CopyIn<'e> {
    pub(super) fn new(job: &'e mut Exclusive) -> Self {
        Self { job }
    }

    /// From now on, everything is by `deadline`.
    pub fn set_deadline(&mut self, deadline: tokio::time::Instant) {
        self.job.set_deadline(deadline);
    }

    /// Ready when there is room for more data, at the pace of the server.
    ///
    /// # Errors
    /// What the server refused meanwhile: it says so as soon as it has read what it refuses.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let heard = self.job.poll_messages(context, 0, |_, tag, _| match tag {
            ERROR_RESPONSE_TAG => Ok(ControlFlow::Continue(())),
            READY_FOR_QUERY_TAG => Ok(ControlFlow::Break(())),
            _ => Err(unasked()),
        });
        if let Poll::Ready(heard) = heard {
            return Poll::Ready(
                heard.and_then(|()| Err(self.job.refused().unwrap_or(Failure::Unavailable))),
            );
        }
        self.job.poll_room(context)
    }

    /// Waits until there is room for more data; [`CopyIn::poll_ready`] as a future.
    ///
    /// # Errors
    /// What the server refused meanwhile.
    pub async fn ready(&mut self) -> Result<(), Failure> {
        poll_fn(|context| self.poll_ready(context)).await
    }

    /// Appends data to what is to be written. Memory is bounded only when [`CopyIn::poll_ready`] was
    /// ready before each piece.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub fn send(&mut self, data: &[u8]) -> Result<(), Failure> {
        let socket = self.job.open()?;
        if !socket.copies_in {
            // It was refused; `poll_ready` or `finish` says what.
            return Ok(());
        }
        for piece in data.chunks(PIECE) {
            socket.out.reserve(piece.len() + 5);
            socket.out.put_u8(COPY_DATA_TAG);
            // A piece is 64 KiB at most.
            socket.out.put_u32(u32::try_from(piece.len() + 4).unwrap_or(u32::MAX));
            socket.out.put_slice(piece);
        }
        Ok(())
    }

    /// Ends the data; gives the rows that went in.
    ///
    /// # Errors
    /// Why none went in.
    pub async fn finish(self) -> Result<u64, Failure> {
        let socket = self.job.open()?;
        if socket.copies_in {
            frontend::copy_done(&mut socket.out);
            socket.copies_in = false;
        }
        self.job.conclude(|_| false).await
    }

    /// Has the server take none of it. The transaction that it stands in has failed.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn fail(self) -> Result<(), Failure> {
        let socket = self.job.open()?;
        if socket.copies_in {
            // The message has no NUL and is short.
            let _ = frontend::copy_fail("the data ends before its end", &mut socket.out);
            socket.copies_in = false;
        }
        match self.job.conclude(|_| false).await {
            Ok(_) | Err(Failure::Refused(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

/// `COPY … TO STDOUT` under way.
pub struct CopyOut<'e> {
    job: &'e mut Exclusive,
}

impl<'e> CopyOut<'e> {
    pub(super) fn new(job: &'e mut Exclusive) -> Self {
        Self { job }
    }

    /// Gives pieces of the data to `take`, a row each, until it breaks or no more are there yet; true
    /// when that was all.
    ///
    /// # Errors
    /// Why it is not all.
    pub fn poll_data(
        &mut self,
        context: &mut Context<'_>,
        mut take: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Poll<Result<bool, Failure>> {
        let outcome = self.job.poll_messages(context, usize::MAX, |known, tag, body| match tag {
            COPY_DATA_TAG => Ok(match take(body.unwrap_or_default()) {
                ControlFlow::Continue(()) => ControlFlow::Continue(()),
                ControlFlow::Break(()) => ControlFlow::Break(false),
            }),
            READY_FOR_QUERY_TAG if known.owed == 0 => Ok(ControlFlow::Break(true)),
            COPY_DONE_TAG | COMMAND_COMPLETE_TAG | ERROR_RESPONSE_TAG => {
                Ok(ControlFlow::Continue(()))
            }
            _ => Err(unasked()),
        });
        match outcome {
            Poll::Ready(Ok(true)) => Poll::Ready(self.job.refused().map_or(Ok(true), Err)),
            other => other,
        }
    }
}
