//! The stream that `tokio-postgres` signs in on: opened, and encrypted where it is, by `dial`.
//!
//! The client has its own idea of TLS and none of which ways to sign in are good enough where; so it
//! gets a stream that is ready, and does not see a request for a password that it must not answer.

use crate::postgres::{
    dial::{Privacy, Stream},
    wire::ASKS_TO_BE_TOLD,
};
use std::{
    future::{Ready, ready},
    io,
    pin::Pin,
    task::{Context, Poll, ready as ready_or_pending},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// Bytes of a request for a sign-in up to its kind: a tag, a length, the kind.
const REQUEST: usize = 9;
/// The tag of a request for a sign-in.
const AUTHENTICATION: u8 = b'R';
/// The tag of a refusal.
const ERROR: u8 = b'E';
/// The kinds that show a password to whoever listens: in clear, and by MD5.
const TELLING: [i32; 2] = [3, 5];

/// A stream with what a sign-in on it can be bound to.
pub(super) struct Channel {
    stream: Box<dyn Stream>,
    binding: Option<Vec<u8>>,
    /// What has come of the server's first message, until it was looked at.
    first: Option<Vec<u8>>,
}

impl Channel {
    /// A stream on which nothing was said yet. Unless it `tells_passwords`, it breaks when the server asks
    /// to be told one.
    pub(super) fn new(stream: Box<dyn Stream>, privacy: Privacy, tells_passwords: bool) -> Self {
        let binding = match privacy {
            Privacy::Tls(hash) => hash,
            Privacy::Clear => None,
        };
        Self { stream, binding, first: (!tells_passwords).then(Vec::new) }
    }

    /// Looks at bytes that the server sent.
    fn look(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(first) = &mut self.first else { return Ok(()) };
        first.extend_from_slice(&bytes[..bytes.len().min(REQUEST - first.len())]);
        let [tag, _, _, _, _, kind @ ..] = first.as_slice() else { return Ok(()) };
        if *tag == ERROR {
            // It lets nobody in, and the client ends here.
            self.first = None;
            return Ok(());
        }
        if *tag != AUTHENTICATION {
            // What else may come before, a notice, is followed by nothing that asks for a password: the
            // server would have to begin anew.
            return Err(io::Error::other("the server did not ask who signs in"));
        }
        let Ok(kind) = <[u8; 4]>::try_from(kind) else { return Ok(()) };
        self.first = None;
        if TELLING.contains(&i32::from_be_bytes(kind)) {
            return Err(io::Error::other(ASKS_TO_BE_TOLD));
        }
        Ok(())
    }
}

impl AsyncRead for Channel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready_or_pending!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(self.look(&buffer.filled()[before..]))
    }
}

impl AsyncWrite for Channel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl TlsStream for Channel {
    fn channel_binding(&self) -> ChannelBinding {
        self.binding.clone().map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// What makes a [`Channel`] of a [`Channel`]: TLS has been spoken before the client came.
pub(super) struct AsItIs;

impl TlsConnect<Channel> for AsItIs {
    type Stream = Channel;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Channel, Self::Error>>;

    fn connect(self, stream: Channel) -> Self::Future {
        ready(Ok(stream))
    }
}
