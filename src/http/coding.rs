//! Content codings (RFC 9110 §8.4): which one a caller takes, and compressing with it.
//!
//! Owns gzip, br and zstd of answers. Does not own which answers are worth it (`representation`).

use super::{
    negotiation::{Weighted, weighted},
    response::{Aborted, Body, Pieces},
};
use async_compression::{
    Level,
    tokio::write::{BrotliEncoder, GzipEncoder, ZstdEncoder},
};
use bytes::Bytes;
use http::{HeaderMap, header};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};
use tokio::io::AsyncWrite;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// RFC 8878
    Zstd,
    /// RFC 7932
    Brotli,
    /// RFC 1952
    Gzip,
}

impl Coding {
    /// Every coding, the one that is preferred first: the fastest for what it saves.
    const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// As the header fields name it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    fn is(self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.as_str())
            || self == Self::Gzip && name.eq_ignore_ascii_case("x-gzip")
    }

    /// What compresses with it. The levels are fast ones, and their windows are small, so that a
    /// stream takes a few MiB at most.
    fn encoder(self) -> Box<dyn Encoder> {
        match self {
            // The image's zstd has the compressor of this level alone: see scripts/static-binary.
            Self::Zstd => Box::new(ZstdEncoder::with_quality(Vec::new(), Level::Precise(1))),
            Self::Brotli => Box::new(BrotliEncoder::with_quality(Vec::new(), Level::Precise(1))),
            Self::Gzip => Box::new(GzipEncoder::with_quality(Vec::new(), Level::Precise(3))),
        }
    }
}

/// The coding that a caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) coding: Coding,
    /// Whether the caller refuses an answer without, however small it is.
    pub(super) always: bool,
}

impl Wanted {
    /// What tells an answer to it from others, in the cache's key.
    pub(super) fn key(self) -> &'static str {
        match (self.coding, self.always) {
            (coding, false) => coding.as_str(),
            (Coding::Zstd, true) => "zstd!",
            (Coding::Brotli, true) => "br!",
            (Coding::Gzip, true) => "gzip!",
        }
    }
}

/// The coding that a caller wants most; `None` is none. Of several wanted alike it is the first of
/// [`Coding::ALL`], and a caller that does not say takes none.
///
/// # Errors
/// The caller refuses every coding that there is, and none.
pub(super) fn wanted(headers: &HeaderMap) -> Result<Option<Wanted>, ()> {
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        return Ok(None);
    }
    let quality = |is: &dyn Fn(&str) -> bool| {
        let list = || weighted(headers, &header::ACCEPT_ENCODING);
        let of = |it: Weighted<'_>| it.quality;
        list().find(|it| is(it.value)).map(of).or_else(|| list().find(|it| it.value == "*").map(of))
    };
    // Plain is taken unless it is refused (RFC 9110 §12.5.3).
    let plain = quality(&|name| name.eq_ignore_ascii_case("identity"));
    let mut best = None;
    for coding in Coding::ALL {
        let quality = quality(&|name| coding.is(name)).unwrap_or(0);
        if quality > best.map_or(0, |(quality, _)| quality) {
            best = Some((quality, coding));
        }
    }
    match (best, plain) {
        (Some((quality, _)), Some(plain)) if plain > quality => Ok(None),
        (Some((_, coding)), _) => Ok(Some(Wanted { coding, always: plain == Some(0) })),
        (None, Some(0)) => Err(()),
        (None, _) => Ok(None),
    }
}

/// Compresses into memory, so that it never has to wait.
trait Encoder: AsyncWrite + Unpin {
    fn out(&mut self) -> &mut Vec<u8>;
}

macro_rules! encoders {
    ($($name:ident)+) => {
        $(impl Encoder for $name<Vec<u8>> {
            fn out(&mut self) -> &mut Vec<u8> {
                self.get_mut()
            }
        })+
    };
}

encoders!(ZstdEncoder BrotliEncoder GzipEncoder);

fn write(encoder: &mut dyn Encoder, mut bytes: &[u8]) -> io::Result<()> {
    let mut context = Context::from_waker(Waker::noop());
    while !bytes.is_empty() {
        let Poll::Ready(count) = Pin::new(&mut *encoder).poll_write(&mut context, bytes) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        bytes = bytes.get(count?.max(1)..).unwrap_or_default();
    }
    Ok(())
}

fn now(poll: Poll<io::Result<()>>) -> io::Result<()> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// Bytes that are compressed without a pause: the thread has others to serve.
const AT_ONCE: usize = 128 * 1024;

/// All of `bytes`, compressed.
pub(super) async fn whole(coding: Coding, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = coding.encoder();
    for (at, piece) in bytes.chunks(AT_ONCE).enumerate() {
        if at > 0 {
            tokio::task::yield_now().await;
        }
        write(&mut *encoder, piece)?;
    }
    now(Pin::new(&mut *encoder).poll_shutdown(&mut Context::from_waker(Waker::noop())))?;
    Ok(std::mem::take(encoder.out()))
}

/// A stream, compressed piece by piece: each is flushed, so that nothing waits in the encoder for a
/// caller who waits for it.
pub(super) struct Coded {
    pieces: Pin<Box<dyn Pieces>>,
    /// `None` when the last of it was written.
    encoder: Option<Box<dyn Encoder>>,
}

/// The body, compressed.
pub(super) fn stream(coding: Coding, pieces: Pin<Box<dyn Pieces>>) -> Body {
    Body::stream(Coded { pieces, encoder: Some(coding.encoder()) })
}

impl Pieces for Coded {
    fn poll_piece(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Aborted>>> {
        let Self { pieces, encoder: slot } = &mut *self;
        let Some(encoder) = slot else { return Poll::Ready(None) };
        let piece = ready!(pieces.as_mut().poll_piece(context));
        let mut nobody = Context::from_waker(Waker::noop());
        let is_last = piece.is_none();
        let written = match piece {
            Some(Ok(bytes)) => write(&mut **encoder, &bytes)
                .and_then(|()| now(Pin::new(&mut **encoder).poll_flush(&mut nobody))),
            Some(Err(aborted)) => return Poll::Ready(Some(Err(aborted))),
            None => now(Pin::new(&mut **encoder).poll_shutdown(&mut nobody)),
        };
        let out = std::mem::take(encoder.out());
        if is_last {
            *slot = None;
        }
        Poll::Ready(match written {
            Ok(()) => Some(Ok(out.into())),
            Err(_) => Some(Err(Aborted)),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_most_wanted_coding_is_chosen_and_none_where_none_is_wanted() {
        for (value, expected) in [
            ("gzip, deflate, br, zstd", Ok(Some((Coding::Zstd, false)))),
            ("gzip, br", Ok(Some((Coding::Brotli, false)))),
            ("GZIP", Ok(Some((Coding::Gzip, false)))),
            ("x-gzip", Ok(Some((Coding::Gzip, false)))),
            ("gzip;q=0.5, br;q=0.4", Ok(Some((Coding::Gzip, false)))),
            ("*", Ok(Some((Coding::Zstd, false)))),
            ("*;q=0.5, zstd;q=0", Ok(Some((Coding::Brotli, false)))),
            ("deflate", Ok(None)),
            ("identity", Ok(None)),
            ("identity, gzip;q=0.5", Ok(None)),
            ("gzip;q=0", Ok(None)),
            ("", Ok(None)),
            ("identity;q=0, deflate", Err(())),
            ("*;q=0", Err(())),
            ("identity;q=0, gzip", Ok(Some((Coding::Gzip, true)))),
            ("zstd, *;q=0", Ok(Some((Coding::Zstd, true)))),
            ("gzip;q=0.5, identity;q=0.1", Ok(Some((Coding::Gzip, false)))),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
            let found = wanted(&headers).map(|it| it.map(|it| (it.coding, it.always)));
            assert_eq!(found, expected, "{value}");
        }
        assert_eq!(wanted(&HeaderMap::new()), Ok(None));
    }
}
