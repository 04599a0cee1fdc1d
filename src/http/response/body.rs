//! The body of a response: whole, or a stream that may break off.

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// Why a stream broke off. What went wrong is in the log; a caller is shown only that it did.
///
/// hyper ends the connection on it: the last chunk of HTTP/1.1 is not sent, and HTTP/2 resets the
/// stream, so nobody takes what came for the whole (RFC 9112 §8, RFC 9113 §8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted;

impl fmt::Display for Aborted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the answer broke off")
    }
}

impl std::error::Error for Aborted {}

/// A body that is made while it is sent. It is polled only when there is room for what it gives, and
/// dropped when its caller goes away.
pub trait Pieces {
    /// The next piece, which is not empty; `None` when the body is whole.
    ///
    /// # Errors
    /// The body cannot be made to its end.
    fn poll_piece(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Aborted>>>;
}

/// The body of every response.
pub enum Body {
    /// All of it, with its length; empty once it was taken.
    Whole(Bytes),
    /// A piece after the other.
    Stream(Pin<Box<dyn Pieces>>),
}

impl Body {
    /// A body that is made while it is sent.
    pub fn stream(pieces: impl Pieces + 'static) -> Self {
        Self::Stream(Box::pin(pieces))
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Whole(bytes.into())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(formatter, "Whole({} bytes)", bytes.len()),
            Self::Stream(_) => formatter.write_str("Stream"),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream(pieces) => {
                pieces.as_mut().poll_piece(context).map(|piece| piece.map(|it| it.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
