//! A body that is read as it comes, decompressed, within limits.
//!
//! What is read is what is asked for: while nobody asks, hyper reads no more from the caller than its
//! buffer holds, and TCP holds the caller back. Its time is a pace and not a total: a body of any
//! length is welcome as long as it gets on.

use super::{
    encoding::{self, Encoding},
    is_utf8, parameter, split,
};
use crate::{
    decode::{Format, MEDIA_TYPES},
    problem::{Code, Problem},
    service::Source,
};
use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncReadExt, ReadBuf},
    time::timeout,
};

/// Decompressed bytes that are given at once.
const PIECE: usize = 32 * 1024;
/// The least that must come, in bytes, in the time that a body may take to get on.
const PROGRESS: u64 = 16 * 1024;
/// Decompressed bytes that are given without a pause: what compresses well comes out for long without a
/// wait for the caller, and the thread has others to serve.
const AT_ONCE: usize = 4 * PIECE;
/// The largest window of zstd, as a power of two: 8 MiB, which is what senders keep to (RFC 9659 §3).
const ZSTD_WINDOW: u32 = 23;

/// The media types of rows, for whoever sends another.
const READ: &str = "application/x-ndjson, text/csv and application/json are read.";

/// A body as it comes.
pub(in crate::http) struct Stream {
    reader: Reader,
    buffer: BytesMut,
    /// Bytes that may still come, decompressed.
    left: u64,
    limit: u64,
    timeout: Duration,
    /// What is left of the time in which [`PROGRESS`] must be made.
    patience: Duration,
    progress: u64,
    /// Decompressed bytes since the last pause.
    at_once: usize,
}

enum Reader {
    Plain(Incoming),
    Gzip(Box<GzipDecoder<Frames>>),
    Zstd(Box<ZstdDecoder<Frames>>),
}

/// The format of a body of rows.
///
/// # Errors
/// 415 when its media type is none that is read.
pub(in crate::http) fn rows(headers: &HeaderMap) -> Result<Format, Problem> {
    let unsupported = |detail: &str| Err(Problem::new(Code::UnsupportedMediaType).detail(detail));
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return unsupported(&format!("The body has no Content-Type; {READ}"));
    };
    let (media_type, parameters) = split(value);
    if !is_utf8(&parameters) {
        return unsupported("The body must be UTF-8.");
    }
    if parameter(&parameters, "header") == Some("absent") {
        return unsupported("A CSV body must have a header record.");
    }
    match MEDIA_TYPES.iter().find(|(known, _)| *known == media_type) {
        Some((_, format)) => Ok(*format),
        None => unsupported(READ),
    }
}

impl Stream {
    /// A body of at most `limit` bytes, decompressed, that gets on within each `timeout`.
    ///
    /// # Errors
    /// 413 when it says itself that it is larger, 415 when it is compressed in an unknown way.
    pub(in crate::http) fn new(
        headers: &HeaderMap,
        body: Incoming,
        limit: u64,
        timeout: Duration,
    ) -> Result<Self, Problem> {
        if body.size_hint().lower() > limit {
            return Err(too_large(limit));
        }
        let frames = |body| Frames { body, chunk: Bytes::new(), left: limit };
        let reader = match encoding::of(headers)? {
            Encoding::Identity => Reader::Plain(body),
            Encoding::Gzip => {
                let mut decoder = GzipDecoder::new(frames(body));
                decoder.multiple_members(true);
                Reader::Gzip(Box::new(decoder))
            }
            Encoding::Zstd => {
                let window = async_compression::zstd::DParameter::window_log_max(ZSTD_WINDOW);
                let mut decoder = ZstdDecoder::with_params(frames(body), &[window]);
                decoder.multiple_members(true);
                Reader::Zstd(Box::new(decoder))
            }
        };
        let (buffer, left, patience) = (BytesMut::new(), limit, timeout);
        Ok(Self { reader, buffer, left, limit, timeout, patience, progress: 0, at_once: 0 })
    }

    /// All of it.
    ///
    /// # Errors
    /// 400, 408 or 413.
    pub(in crate::http) async fn collect(mut self) -> Result<Bytes, Problem> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    async fn read(&mut self) -> Result<Option<Bytes>, Problem> {
        let broke_off = || Problem::new(Code::MalformedBody).detail("The body broke off.");
        let result = match &mut self.reader {
            Reader::Plain(body) => loop {
                match body.frame().await {
                    None => return Ok(None),
                    Some(Err(_)) => return Err(broke_off()),
                    // Trailers say nothing here.
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) if !data.is_empty() => return Ok(Some(data)),
                        _ => {}
                    },
                }
            },
            Reader::Gzip(decoder) => {
                self.buffer.reserve(PIECE);
                decoder.read_buf(&mut self.buffer).await
            }
            Reader::Zstd(decoder) => {
                self.buffer.reserve(PIECE);
                decoder.read_buf(&mut self.buffer).await
            }
        };
        match result {
            Ok(0) => Ok(None),
            Ok(length) => {
                self.at_once += length;
                Ok(Some(self.buffer.split().freeze()))
            }
            Err(error) if is::<TooMuch>(&error) => Err(too_large(self.limit)),
            Err(error) if is::<hyper::Error>(&error) => Err(broke_off()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(broke_off()),
            Err(_) => Err(Problem::new(Code::MalformedBody).detail(match self.reader {
                Reader::Zstd(_) => {
                    "The body is not compressed with zstd, or with a window of more than 8 MiB."
                }
                _ => "The body is not compressed as its Content-Encoding says.",
            })),
        }
    }
}

impl Source for Stream {
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        if self.at_once >= AT_ONCE {
            self.at_once = 0;
            tokio::task::yield_now().await;
        }
        let started = Instant::now();
        let piece = timeout(self.patience, self.read()).await;
        let Some(piece) = piece.unwrap_or_else(|_| Err(Problem::new(Code::RequestTimeout)))? else {
            return Ok(None);
        };
        let length = piece.len() as u64;
        self.left = self.left.checked_sub(length).ok_or_else(|| too_large(self.limit))?;
        // Only the time counts in which the caller is waited for.
        self.patience = self.patience.saturating_sub(started.elapsed());
        self.progress += length;
        if self.progress >= PROGRESS {
            self.progress = 0;
            self.patience = self.timeout;
        }
        Ok(Some(piece))
    }
}

/// Whether `error` carries an `E`.
fn is<E: std::error::Error + 'static>(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<E>)
}

fn too_large(limit: u64) -> Problem {
    Problem::new(Code::BodyTooLarge)
        .detail(format!("Bodies of up to {limit} bytes are taken here, decompressed."))
}

/// A body's frames as bytes to decompress.
struct Frames {
    body: Incoming,
    chunk: Bytes,
    /// Bytes that may still come: of compressed ones, too, there must be an end.
    left: u64,
}

/// More came than may.
#[derive(Debug)]
struct TooMuch;

impl std::fmt::Display for TooMuch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("more came than may")
    }
}

impl std::error::Error for TooMuch {}

impl AsyncBufRead for Frames {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.chunk.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                None => break,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                Some(Ok(frame)) => {
                    this.chunk = frame.into_data().unwrap_or_default();
                    let left = this.left.checked_sub(this.chunk.len() as u64);
                    this.left = left.ok_or_else(|| io::Error::other(TooMuch))?;
                }
            }
        }
        Poll::Ready(Ok(&this.chunk))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        let amount = amount.min(self.chunk.len());
        self.chunk.advance(amount);
    }
}

impl AsyncRead for Frames {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let available = ready!(self.as_mut().poll_fill_buf(context))?;
        let count = available.len().min(buffer.remaining());
        buffer.put_slice(available.get(..count).unwrap_or_default());
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}
