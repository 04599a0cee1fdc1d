//! The task of one connection: it connects, writes what was submitted, reads what comes back, and
//! connects again when that ends.

use super::{RowSink, backoff::Backoff, connection::Connection, pool::Pool, reply};
use crate::{
    event::Event,
    postgres::{cancel, wire},
};
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Bytes of the read buffer, and what it shrinks back to after a larger row.
const READ_BUFFER: usize = 64 * 1024;

/// Keeps connection `index` of the pool open until the lane closes.
pub(super) async fn drive<S: RowSink + 'static>(pool: Rc<Pool<S>>, index: usize) {
    let mut backoff = Backoff::default();
    let lane = pool.settings.name.clone();
    let timeout = pool.settings.statement_timeout.as_millis().to_string();
    let mut session = vec![("statement_timeout", timeout.as_str())];
    if !pool.settings.writes {
        session.push(("default_transaction_read_only", "on"));
    }
    while !pool.is_closed() {
        let reason = match wire::connect(&pool.target, &session).await {
            Ok(wire) => {
                backoff.reset();
                pool.connections[index].come_up(wire.key);
                (pool.observer)(&Event::Connected { lane: &lane });
                pool.refill();
                let mut link = Link::new(wire);
                let end = poll_fn(|context| link.turn(&pool, index, context)).await;
                pool.lost(pool.connections[index].go_down(), link.written);
                pool.refill();
                match end {
                    Ok(()) => return link.say_goodbye().await,
                    Err(error) => error.to_string(),
                }
            }
            Err(error) => {
                pool.connections[index].stay_down();
                error.to_string()
            }
        };
        let retry_in = backoff.next();
        (pool.observer)(&Event::Disconnected { lane: &lane, reason: &reason, retry_in });
        tokio::time::sleep(retry_in).await;
    }
}

/// An open connection's buffers.
struct Link {
    stream: Box<dyn wire::Stream>,
    read: ReadBuffer,
    writing: BytesMut,
    /// Bytes written since the connection was opened.
    written: u64,
}

impl Link {
    fn new(wire: wire::Wire) -> Self {
        let mut read = ReadBuffer::default();
        read.bytes.extend_from_slice(&wire.unread);
        read.end = read.bytes.len();
        Self { stream: wire.stream, read, writing: BytesMut::new(), written: 0 }
    }

    /// Writes and reads until neither gets on. Ready when the lane has closed, or with the error
    /// that ended the connection.
    fn turn<S: RowSink + 'static>(
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
            if let Some(key) = connection.begin_cancel() {
                let pool = Rc::clone(pool);
                tokio::task::spawn_local(async move {
                    // A cancel request that fails leaves the statement to its timeout.
                    let _ = cancel::cancel(&pool.target, key).await;
                    pool.connections[index].end_cancel();
                    pool.refill();
                });
            }
            self.write(connection, context)?;
            let ended = match self.read(pool, index, context) {
                Poll::Ready(result) => result?,
                Poll::Pending => false,
            };
            connection.cancel_if_unwanted();
            if ended {
                pool.refill();
            }
            if !connection.has_work(self.writing.is_empty()) {
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
                self.writing.clear();
                connection.exchange_outgoing(&mut self.writing);
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
                    bytes::Buf::advance(&mut self.writing, count);
                    self.written += count as u64;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(()),
            }
        }
    }

    /// Reads until the socket has no more; whether a call ended. Reading stops only at `Pending`,
    /// so that the task is woken when more comes.
    fn read<S: RowSink>(
        &mut self,
        pool: &Pool<S>,
        index: usize,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        let mut ended = self.take_messages(pool, index)?;
        loop {
            let mut space = ReadBuf::new(self.read.space());
            match Pin::new(&mut self.stream).poll_read(context, &mut space) {
                Poll::Ready(Ok(())) => {
                    let count = space.filled().len();
                    if count == 0 {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                    self.read.end += count;
                    ended |= self.take_messages(pool, index)?;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return if ended { Poll::Ready(Ok(true)) } else { Poll::Pending },
            }
        }
    }

    fn take_messages<S: RowSink>(&mut self, pool: &Pool<S>, index: usize) -> io::Result<bool> {
        let connection = &pool.connections[index];
        let mut ended = false;
        loop {
            let mut landed = None;
            {
                let mut state = connection.state();
                while let Some((tag, size)) = reply::frame(self.read.filled())? {
                    landed = reply::take(&mut state, tag, &self.read.filled()[..size])?;
                    self.read.start += size;
                    if landed.is_some() {
                        break;
                    }
                }
            }
            let Some(flight) = landed else {
                self.read.compact();
                return Ok(ended);
            };
            ended = true;
            pool.settle(flight, connection.cancelled_lately());
        }
    }

    /// Tells the server that the connection ends on purpose.
    async fn say_goodbye(mut self) {
        let mut out = BytesMut::new();
        frontend::terminate(&mut out);
        let _ = self.stream.write_all(&out).await;
        let _ = self.stream.shutdown().await;
    }
}

/// Bytes read and not yet taken: `bytes[start..end]`; what is behind is room.
#[derive(Default)]
struct ReadBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl ReadBuffer {
    fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Room for more: all of the buffer when it is empty, twice as much when it is full.
    fn space(&mut self) -> &mut [u8] {
        if self.end == self.bytes.len() {
            let size = (self.bytes.len() * 2).max(READ_BUFFER);
            self.bytes.resize(size, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// Moves what is left to the front, so that the buffer grows for a large message alone.
    fn compact(&mut self) {
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
