//! Rows as a stream of bytes: encoded from the connection's read buffer, at the pace of whoever takes
//! them, in memory that does not grow with their number.

use crate::{
    encode::Encoder,
    lane::{Exclusive, Failure, Progress, Stop},
};
use bytes::Bytes;
use std::{
    ops::ControlFlow,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes of a piece, about: it is given when it is as large, or when nothing more is there for now.
const PIECE: usize = 64 * 1024;
/// Room for the row that makes a piece as large as it has to be.
const SLACK: usize = 4 * 1024;
/// How long bytes that are there wait for more.
const LINGER: Duration = Duration::from_millis(20);

/// The rows of a statement that was started, as bytes.
pub struct RowStream {
    /// `None` once the statement is complete, or has failed.
    job: Option<Exclusive>,
    encoder: Encoder,
    out: Vec<u8>,
    rows: u64,
    limits: Limits,
    /// How many rows there were when the database was last given its time.
    seen: Option<u64>,
    linger: Option<Pin<Box<Sleep>>>,
}

/// What a stream may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most rows.
    pub rows: u64,
    /// The largest row, in bytes, as PostgreSQL sends it.
    pub row_bytes: usize,
    /// How long the database may take for more of them.
    pub patience: Duration,
}

impl RowStream {
    /// The rows of the statement that `job` has started.
    pub fn new(job: Exclusive, mut encoder: Encoder, limits: Limits) -> Self {
        let mut out = Vec::with_capacity(PIECE + SLACK);
        encoder.begin(&mut out);
        Self { job: Some(job), encoder, out, rows: 0, limits, seen: None, linger: None }
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether nothing is to come.
    pub fn is_complete(&self) -> bool {
        self.job.is_none()
    }

    /// The first piece. Until it is there, the job's own deadline holds.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn first(&mut self) -> Result<Bytes, Failure> {
        self.seen = Some(0);
        match std::future::poll_fn(|context| self.poll_whole(context)).await {
            Some(piece) => piece,
            None => Ok(Bytes::new()),
        }
    }

    /// The next piece, which is not empty; `None` when that was all.
    ///
    /// # Errors
    /// Why there is not all of it. Nothing comes after that, and what came is not to be taken for the
    /// whole.
    pub fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        if self.seen != Some(self.rows)
            && let Some(job) = &mut self.job
        {
            self.seen = Some(self.rows);
            job.set_deadline(Instant::now() + self.limits.patience);
        }
        match self.poll_whole(context) {
            Poll::Pending if !self.out.is_empty() => self.poll_linger(context),
            poll => {
                self.linger = None;
                poll
            }
        }
    }

    /// The next piece of full size, or the last.
    fn poll_whole(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let Some(job) = &mut self.job else { return Poll::Ready(None) };
        let Self { encoder, out, rows, limits, .. } = self;
        let outcome = job.poll_rows(context, limits.row_bytes, |row| {
            if *rows == limits.rows {
                return Err(Stop::TooMany);
            }
            encoder.row(row, *rows == 0, out).map_err(|_| Stop::Malformed)?;
            *rows += 1;
            Ok(if out.len() < PIECE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        });
        let outcome = match outcome {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(Progress::Paused)) => return Poll::Ready(Some(Ok(self.take()))),
            Poll::Ready(Ok(Progress::Complete(_))) => {
                self.encoder.end(&mut self.out).map_err(|_| Failure::Stopped(Stop::Malformed))
            }
            Poll::Ready(Err(failure)) => Err(failure),
        };
        self.job = None;
        Poll::Ready(match outcome {
            Ok(()) if self.out.is_empty() => None,
            Ok(()) => Some(Ok(std::mem::take(&mut self.out).into())),
            Err(failure) => Some(Err(failure)),
        })
    }

    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let linger =
            self.linger.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + LINGER)));
        if Future::poll(linger.as_mut(), context).is_pending() {
            return Poll::Pending;
        }
        self.linger = None;
        Poll::Ready(Some(Ok(self.take())))
    }

    fn take(&mut self) -> Bytes {
        std::mem::replace(&mut self.out, Vec::with_capacity(PIECE + SLACK)).into()
    }
}
