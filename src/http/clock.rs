//! How long a connection has been doing what: idle, sending a head, waiting for its answer, or
//! taking it.
//!
//! One sweep over all connections of a thread, twice a second, takes the place of a timer for each
//! request.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
};

/// What a connection is doing, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of the next request has come.
    Idle(Instant),
    /// Some of a request's head has come, not all.
    Head(Instant),
    /// A request is being answered; its own deadlines hold.
    Answering,
    /// An answer is being written; since bytes of it went out last.
    Sending(Instant),
    /// All of an answer was handed to the stream; since bytes of it went out last.
    Flushing(Instant),
}

/// A connection's clock.
pub(super) struct Clock {
    phase: Cell<Phase>,
    expired: Notify,
    /// Whether the line that names the target has come, of the head that is coming.
    line_came: Cell<bool>,
    /// Whether a request ever came.
    answered: Cell<bool>,
    /// Whether the caller has closed its side.
    caller_closed: Cell<bool>,
    /// The status of the answer without a body that hyper gave to a head that it could not read.
    refused: Cell<Option<u16>>,
}

impl Clock {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Idle(Instant::now())),
            expired: Notify::new(),
            line_came: Cell::new(false),
            answered: Cell::new(false),
            caller_closed: Cell::new(false),
            refused: Cell::new(None),
        })
    }

    /// What the connection is doing.
    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Whether nothing of a request has come since the last answer went out.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase.get(), Phase::Idle(_))
    }

    /// Whether a request ever came.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.get()
    }

    /// Whether the target's line has come, of the head that is coming.
    pub(super) fn line_came(&self) -> bool {
        self.line_came.get()
    }

    /// Whether the caller has closed its side.
    pub(super) fn caller_closed(&self) -> bool {
        self.caller_closed.get()
    }

    /// The status that hyper would have answered a head with that it could not read.
    pub(super) fn refused(&self) -> Option<u16> {
        self.refused.get()
    }

    /// The head has come; the request is being answered.
    pub(super) fn answering(&self) {
        self.answered.set(true);
        self.phase.set(Phase::Answering);
    }

    /// The answer is there, to be written.
    pub(super) fn sending(&self) {
        self.phase.set(Phase::Sending(Instant::now()));
    }

    /// The answer's body was taken to its end.
    pub(super) fn body_taken(&self) {
        if let Phase::Sending(since) = self.phase.get() {
            self.phase.set(Phase::Flushing(since));
        }
    }

    fn bytes_came(&self, bytes: &[u8]) {
        if let Phase::Idle(_) = self.phase.get() {
            self.phase.set(Phase::Head(Instant::now()));
        }
        if let Phase::Head(_) = self.phase.get()
            && !self.line_came.get()
        {
            self.line_came.set(bytes.contains(&b'\n'));
        }
    }

    fn bytes_went(&self, result: &Poll<std::io::Result<usize>>) {
        if !matches!(result, Poll::Ready(Ok(1..))) {
            return;
        }
        match self.phase.get() {
            Phase::Sending(_) => self.phase.set(Phase::Sending(Instant::now())),
            Phase::Flushing(_) => self.phase.set(Phase::Flushing(Instant::now())),
            Phase::Idle(_) | Phase::Head(_) | Phase::Answering => {}
        }
    }

    fn flushed(&self) {
        if let Phase::Flushing(_) = self.phase.get() {
            self.phase.set(Phase::Idle(Instant::now()));
            self.line_came.set(false);
        }
    }

    /// Takes note of what is written while no answer is due, which can only be hyper's own to a
    /// head that it cannot read.
    fn refusal_went(&self, bytes: &[u8]) {
        if self.refused.get().is_none() {
            let status = bytes.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
            self.refused.set(Some(status.and_then(|it| it.parse().ok()).unwrap_or(400)));
        }
    }

    fn no_answer_is_due(&self) -> bool {
        matches!(self.phase.get(), Phase::Idle(_) | Phase::Head(_))
    }

    /// Resolves when the connection has been idle, at one head, or stuck at an answer for too long.
    pub(super) async fn expired(&self) {
        self.expired.notified().await;
    }
}

/// The clocks of a thread's connections.
#[derive(Clone, Default)]
pub(super) struct Clocks(Rc<RefCell<Vec<Rc<Clock>>>>);

impl Clocks {
    /// A clock for a new connection.
    pub(super) fn start(&self) -> Rc<Clock> {
        let clock = Clock::new();
        self.0.borrow_mut().push(Rc::clone(&clock));
        clock
    }

    /// Lets every connection know whose time is up, and forgets those that have ended.
    pub(super) fn sweep(&self, idle_timeout: Duration, header_timeout: Duration) {
        self.0.borrow_mut().retain(|clock| {
            let late = match clock.phase.get() {
                Phase::Idle(since) | Phase::Sending(since) | Phase::Flushing(since) => {
                    since.elapsed() > idle_timeout
                }
                Phase::Head(since) => since.elapsed() > header_timeout,
                Phase::Answering => false,
            };
            if late {
                clock.expired.notify_one();
            }
            Rc::strong_count(clock) > 1
        });
    }
}

/// A stream that tells its clock when bytes come and go.
///
/// It keeps two things back, for whoever lent the stream to do better: hyper's own answer to a head
/// that it cannot read, which has no body, and the closing of the stream.
pub(super) struct Timed<'s, T> {
    pub(super) stream: &'s mut T,
    pub(super) clock: Rc<Clock>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Timed<'_, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut *self.stream).poll_read(context, buffer);
        let came = &buffer.filled()[before..];
        if !came.is_empty() {
            self.clock.bytes_came(came);
        } else if result.is_ready() && buffer.remaining() > 0 {
            self.clock.caller_closed.set(true);
        }
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Timed<'_, T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.clock.no_answer_is_due() {
            self.clock.refusal_went(buffer);
            return Poll::Ready(Ok(buffer.len()));
        }
        let result = Pin::new(&mut *self.stream).poll_write(context, buffer);
        self.clock.bytes_went(&result);
        result
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        let result = Pin::new(&mut *self.stream).poll_flush(context);
        if result.is_ready() {
            self.clock.flushed();
        }
        result
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        if self.clock.no_answer_is_due() {
            self.clock.refusal_went(buffers.first().map_or(&[], |it| it));
            return Poll::Ready(Ok(buffers.iter().map(|it| it.len()).sum()));
        }
        let result = Pin::new(&mut *self.stream).poll_write_vectored(context, buffers);
        self.clock.bytes_went(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
