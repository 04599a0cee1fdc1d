//! The bytes of an exclusive connection, and what its server is known to be at.

use super::super::{link::ReadBuffer, reply};
use crate::postgres::{
    refusal::Refusal,
    wire::{BackendKey, Peer, Stream, Wire},
};
use bytes::{Buf, BytesMut};
use postgres_protocol::message::{
    backend::{
        COMMAND_COMPLETE_TAG, ERROR_RESPONSE_TAG, NOTICE_RESPONSE_TAG, NOTIFICATION_RESPONSE_TAG,
        PARAMETER_STATUS_TAG, READY_FOR_QUERY_TAG,
    },
    frontend,
};
use std::{
    io,
    ops::ControlFlow,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Bytes that may wait to be written before whoever makes them has to wait.
const UNSENT: usize = 256 * 1024;
/// How long the good-bye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// What the server last said of the transaction that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transaction {
    /// It is in none.
    None,
    /// It is in one.
    Open,
    /// It is in one that has failed.
    Failed,
}

/// An open connection.
pub(super) struct Socket {
    stream: Box<dyn Stream>,
    pub(super) read: ReadBuffer,
    /// What is to be written.
    pub(super) out: BytesMut,
    pub(super) peer: Peer,
    pub(super) key: BackendKey,
    /// Ends of spans (`ReadyForQuery`) that the server still owes.
    pub(super) owed: u32,
    /// Whether the server takes the data of a COPY.
    pub(super) copies_in: bool,
    pub(super) transaction: Transaction,
    /// The rows that the last command's tag counted.
    pub(super) counted: u64,
    /// What the server refused in the span that it answers.
    pub(super) refusal: Option<Refusal>,
    /// Whether nothing more can be said or heard.
    pub(super) broken: bool,
}

impl Socket {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            stream: wire.stream,
            read: ReadBuffer::with(&wire.unread),
            out: BytesMut::new(),
            peer: wire.peer,
            key: wire.key,
            owed: 0,
            copies_in: false,
            transaction: Transaction::None,
            counted: 0,
            refusal: None,
            broken: false,
        }
    }

    /// Whether the server is at nothing, so that the next job may have it.
    pub(super) fn is_clean(&self) -> bool {
        self.owed == 0 && !self.broken && !self.copies_in && self.transaction == Transaction::None
    }

    /// Writes what waits to be written.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.out)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => self.out.advance(count),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Ready when there is room for more to be written.
    pub(super) fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_flush(context) {
            Poll::Pending if self.out.len() < UNSENT => Poll::Ready(Ok(())),
            other => other,
        }
    }

    /// Gives every message that has come to `take`, and reads more, until `take` breaks. Writes
    /// meanwhile what waits. `take` gets the tag and the body; those that mean the same for every
    /// span are taken before it: of them it sees `CommandComplete`, `ErrorResponse` and
    /// `ReadyForQuery`. A row larger than `largest` is passed over, and given as no body.
    pub(super) fn poll_messages<B>(
        &mut self,
        context: &mut Context<'_>,
        largest: usize,
        mut take: impl FnMut(&mut Known, u8, Option<&[u8]>) -> io::Result<ControlFlow<B>>,
    ) -> Poll<io::Result<B>> {
        loop {
            self.read.pass_over();
            let mut known = Known {
                owed: self.owed,
                copies_in: self.copies_in,
                transaction: self.transaction,
                counted: self.counted,
                refusal: self.refusal.take(),
            };
            let taken = take_messages(&mut self.read, &mut known, largest, &mut take);
            let Known { owed, copies_in, transaction, counted, refusal } = known;
            (self.owed, self.copies_in, self.transaction) = (owed, copies_in, transaction);
            (self.counted, self.refusal) = (counted, refusal);
            if let Some(end) = taken? {
                return Poll::Ready(Ok(end));
            }
            self.read.compact();
            if let Poll::Ready(Err(error)) = self.poll_flush(context) {
                return Poll::Ready(Err(error));
            }
            ready!(self.poll_fill(context))?;
        }
    }

    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = ReadBuf::new(self.read.space());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut space))?;
        let count = space.filled().len();
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.read.end += count;
        Poll::Ready(Ok(()))
    }

    /// Whether the connection is of use still: nothing has come but what means nothing.
    pub(super) fn is_alive(&mut self, context: &mut Context<'_>) -> bool {
        let heard = self.poll_messages(context, 0, |_, _, _| Ok(ControlFlow::Break(())));
        heard.is_pending() && !self.broken
    }

    /// Tells the server that the connection ends on purpose.
    pub(super) async fn say_goodbye(mut self) {
        self.out.clear();
        frontend::terminate(&mut self.out);
        let goodbye = async {
            self.stream.write_all(&self.out).await?;
            self.stream.shutdown().await
        };
        // A server that does not listen notices all the same.
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}

/// What messages say of a connection.
pub(super) struct Known {
    pub(super) owed: u32,
    pub(super) copies_in: bool,
    pub(super) transaction: Transaction,
    pub(super) counted: u64,
    pub(super) refusal: Option<Refusal>,
}

fn take_messages<B>(
    read: &mut ReadBuffer,
    known: &mut Known,
    largest: usize,
    take: &mut impl FnMut(&mut Known, u8, Option<&[u8]>) -> io::Result<ControlFlow<B>>,
) -> io::Result<Option<B>> {
    while let Some((tag, size)) = reply::head(read.filled())? {
        let Some(message) = read.filled().get(..size) else {
            if tag == postgres_protocol::message::backend::DATA_ROW_TAG && size > largest {
                read.passing = size;
                read.pass_over();
                if let ControlFlow::Break(end) = take(known, tag, None)? {
                    return Ok(Some(end));
                }
                continue;
            }
            break;
        };
        let body = message.get(reply::HEAD..).unwrap_or_default();
        let taken = match tag {
            NOTICE_RESPONSE_TAG | NOTIFICATION_RESPONSE_TAG | PARAMETER_STATUS_TAG => {
                ControlFlow::Continue(())
            }
            _ => {
                known.take(tag, message)?;
                take(known, tag, Some(body))?
            }
        };
        read.start += size;
        if let ControlFlow::Break(end) = taken {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

impl Known {
    fn take(&mut self, tag: u8, message: &[u8]) -> io::Result<()> {
        match tag {
            COMMAND_COMPLETE_TAG => self.counted = count(message),
            ERROR_RESPONSE_TAG => {
                self.copies_in = false;
                // What comes after the first, the server's good-bye, says less.
                let refusal = reply::refusal(message)?;
                if self.owed == 0 {
                    return Err(io::Error::other(refusal.message));
                }
                self.refusal.get_or_insert(refusal);
            }
            READY_FOR_QUERY_TAG => {
                self.owed = self.owed.checked_sub(1).ok_or_else(|| {
                    io::Error::new(io::ErrorKind::InvalidData, "an end of nothing")
                })?;
                self.copies_in = false;
                self.transaction = match message.get(reply::HEAD) {
                    Some(b'I') => Transaction::None,
                    Some(b'T') => Transaction::Open,
                    _ => Transaction::Failed,
                };
            }
            _ => {}
        }
        Ok(())
    }
}

/// The rows that the tag of a `CommandComplete` counts: `COPY 5`, `INSERT 0 5`, `SELECT 5`.
fn count(message: &[u8]) -> u64 {
    let tag = message.get(reply::HEAD..).unwrap_or_default();
    let tag = tag.strip_suffix(b"\0").unwrap_or(tag);
    let last = tag.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    std::str::from_utf8(last).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
