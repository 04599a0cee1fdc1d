//! An open connection's bytes: writes what was submitted, reads what comes back.

use super::{RowSink, connection::Connection, pool::Pool, reply, withdrawal};
use crate::postgres::wire;
use bytes::{Buf, BytesMut};
use postgres_protocol::message::{backend::DATA_ROW_TAG, frontend};
use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Bytes of the read buffer of a connection that brings little, as most do.
const FIRST_READ_BUFFER: usize = 16 * 1024;
/// Bytes of the read buffer of one that brings more, and what it shrinks back to after a larger row.
const READ_BUFFER: usize = 64 * 1024;
/// Bytes of a write after which its buffer is not kept.
const WRITE_BUFFER: usize = 256 * 1024;
/// Reads before the thread's other tasks have their turn.
const READS: usize = 16;
/// How long the good-bye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// An open connection's buffers.
pub(super) struct Link {
    stream: Box<dyn wire::Stream>,
    read: ReadBuffer,
    writing: BytesMut,
    /// Bytes that `writing` held at first.
    batch: usize,
    /// Bytes written since the connection was opened.
    written: u64,
}

impl Link {
    pub(super) fn new(stream: Box<dyn wire::Stream>, unread: &[u8]) -> Self {
        Self {
            stream,
            read: ReadBuffer::with(unread),
            writing: BytesMut::new(),
            batch: 0,
            written: 0,
        }
    }

    /// Bytes written since the connection was opened.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Reads and writes until neither gets on. Ready when the lane has closed, or with the error
    /// that ended the connection.
    pub(super) fn turn<S: RowSink + 'static>(
        &mut self,
        pool: &Rc<Pool<S>>,
        index: usize,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let connection = &pool.connections[index];
        loop {
            if pool.is_closed() {
                return Poll::Ready(Ok(()));
            }
            if connection.is_given_up() {
                let message = "a statement that nobody waits for could not be stopped";
                return Poll::Ready(Err(io::Error::other(message)));
            }
            // Reading comes first: what has not been written when the connection turns out to be
            // gone can be sent again without a doubt.
            let more = match self.read(pool, index, context) {
                Poll::Ready(result) => {
                    result?;
                    true
                }
                Poll::Pending => false,
            };
            pool.dispatch();
            self.write(connection, context)?;
            if let Some(flight) = connection.begin_withdrawal() {
                tokio::task::spawn_local(withdrawal::withdraw(Rc::clone(pool), index, flight));
            }
            if more {
                // The others first.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !(self.writing.is_empty() && connection.has_outgoing()) {
                // Only now: what this turn submitted itself must not wake it once more.
                connection.wake_on_submit(context.waker());
                return Poll::Pending;
            }
        }
    }

    /// Writes everything that was submitted since the last turn with as few calls as it takes.
    fn write<S: RowSink>(
        &mut self,
        connection: &Connection<S>,
        context: &mut Context<'_>,
    ) -> io::Result<()> {
        loop {
            if self.writing.is_empty() {
                if self.batch > WRITE_BUFFER {
                    self.writing = BytesMut::new();
                }
                self.writing.clear();
                connection.exchange_outgoing(&mut self.writing);
                self.batch = self.writing.len();
            }
            if self.writing.is_empty() {
                return match Pin::new(&mut self.stream).poll_flush(context) {
                    Poll::Ready(result) => result,
                    Poll::Pending => Ok(()),
                };
            }
            match Pin::new(&mut self.stream).poll_write(context, &self.writing) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    self.writing.advance(count);
                    self.written += count as u64;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(()),
            }
        }
    }

    /// Reads until nothing more is there, so that the task is woken when more comes, or until others
    /// must have their turn: then it is ready.
    fn read<S: RowSink>(
        &mut self,
        pool: &Pool<S>,
        index: usize,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        // What came along with the greeting.
        self.take_messages(pool, index)?;
        for _ in 0..READS {
            let mut space = ReadBuf::new(self.read.space());
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut space))?;
            let count = space.filled().len();
            let is_full = space.remaining() == 0;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.read.end += count;
            self.take_messages(pool, index)?;
            if is_full {
                self.read.widen();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn take_messages<S: RowSink>(&mut self, pool: &Pool<S>, index: usize) -> io::Result<()> {
        let connection = &pool.connections[index];
        let mut ended = false;
        loop {
            let mut landed = None;
            {
                let mut state = connection.state();
                self.read.pass_over();
                while let Some((tag, size)) = reply::head(self.read.filled())? {
                    let Some(message) = self.read.filled().get(..size) else {
                        if tag == DATA_ROW_TAG
                            && let Some(flight) = state.flights.front_mut()
                            && size > flight.largest_row()
                        {
                            flight.passes_over();
                            self.read.passing = size;
                            self.read.pass_over();
                        }
                        break;
                    };
                    let ends = reply::take(&mut state, tag, message)?;
                    self.read.start += size;
                    if ends {
                        landed = state.land();
                        break;
                    }
                }
            }
            let Some(flight) = landed else { break };
            ended = true;
            pool.settle(index, &flight);
        }
        self.read.compact();
        if ended {
            pool.dispatch();
        }
        Ok(())
    }

    /// Tells the server that the connection ends on purpose.
    pub(super) async fn say_goodbye(mut self) {
        let mut out = BytesMut::new();
        frontend::terminate(&mut out);
        let goodbye = async {
            self.stream.write_all(&out).await?;
            self.stream.shutdown().await
        };
        // A server that does not listen notices all the same.
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}

/// Bytes read and not yet taken: `bytes[start..end]`; what is behind is room.
#[derive(Default)]
pub(super) struct ReadBuffer {
    bytes: Vec<u8>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Bytes of a message that is passed over, from `start` on.
    pub(super) passing: usize,
}

impl ReadBuffer {
    /// A buffer that holds what has been read already.
    pub(super) fn with(unread: &[u8]) -> Self {
        Self { bytes: unread.to_vec(), end: unread.len(), ..Self::default() }
    }

    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Room for more: all of the buffer when it is empty, twice as much when it is full.
    pub(super) fn space(&mut self) -> &mut [u8] {
        if self.end == self.bytes.len() {
            let size = (self.bytes.len() * 2).max(FIRST_READ_BUFFER);
            self.bytes.resize(size, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// Whatever is read comes in larger pieces than the buffer takes: it is doubled, to a limit.
    pub(super) fn widen(&mut self) {
        if self.bytes.len() < READ_BUFFER {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
    }

    /// Drops what has come of a message that nobody wants to hold.
    pub(super) fn pass_over(&mut self) {
        let count = self.passing.min(self.end - self.start);
        self.passing -= count;
        self.start += count;
    }

    /// Moves what is left to the front, so that the buffer grows for a large message alone.
    pub(super) fn compact(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > 4 * READ_BUFFER {
                self.bytes.truncate(READ_BUFFER);
                self.bytes.shrink_to_fit();
            }
        } else if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }
}
