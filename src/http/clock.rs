//! How long a connection has been doing what: idle, sending a head, or waiting for its answer.
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
enum Phase {
    /// Nothing of the next request has come.
    Idle(Instant),
    /// Some of a request's head has come, not all.
    Head(Instant),
    /// A request is being answered; its own deadlines hold.
    Answering,
}

/// A connection's clock.
pub(super) struct Clock {
    phase: Cell<Phase>,
    expired: Notify,
}

impl Clock {
    fn new() -> Rc<Self> {
        Rc::new(Self { phase: Cell::new(Phase::Idle(Instant::now())), expired: Notify::new() })
    }

    /// The head has come; the request is being answered.
    pub(super) fn answering(&self) {
        self.phase.set(Phase::Answering);
    }

    /// The answer is on its way; the next request may come.
    pub(super) fn idle(&self) {
        self.phase.set(Phase::Idle(Instant::now()));
    }

    fn bytes_came(&self) {
        if let Phase::Idle(_) = self.phase.get() {
            self.phase.set(Phase::Head(Instant::now()));
        }
    }

    /// Resolves when the connection has been idle, or at one head, for too long.
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
                Phase::Idle(since) => since.elapsed() > idle_timeout,
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

/// A stream that tells its clock when bytes come.
pub(super) struct Timed<T> {
    pub(super) stream: T,
    pub(super) clock: Rc<Clock>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Timed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.clock.bytes_came();
        }
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Timed<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
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

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
