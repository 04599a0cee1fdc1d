//! What a job does with the connection that it has for itself.

use super::{
    CopyIn, CopyOut, Progress, Shared,
    identity::Assumption,
    release,
    rows::Rows,
    socket::{Known, Socket, Transaction},
};
use crate::{
    access::Identity,
    lane::{Failure, RowSink, Stop},
    postgres::{message, preamble::Preamble, refusal::Refusal, statement::Prepared},
    value::Argument,
};
use postgres_protocol::message::{
    backend::{
        COMMAND_COMPLETE_TAG, COPY_IN_RESPONSE_TAG, COPY_OUT_RESPONSE_TAG, DATA_ROW_TAG,
        EMPTY_QUERY_RESPONSE_TAG, ERROR_RESPONSE_TAG, READY_FOR_QUERY_TAG, ROW_DESCRIPTION_TAG,
    },
    frontend,
};
use std::{
    future::poll_fn,
    io,
    ops::ControlFlow,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep_until},
};

/// A connection that one job has for itself.
///
/// Everything is by the deadline, which may be moved. After a failure only [`Exclusive::rollback`]
/// makes sense, or dropping it. Dropped in the middle of something, it cancels that in the server,
/// rolls back, and the connection is cleaned or closed by a task of its own.
///
/// Everything runs as whom the permit says. Role and claims last as long as a transaction, so under an
/// identity [`Exclusive::execute`] and COPY are for transactions alone, and CALL is refused.
pub struct Exclusive {
    /// `None` once it was given back.
    socket: Option<Socket>,
    shared: Rc<Shared>,
    place: Option<OwnedSemaphorePermit>,
    deadline: Pin<Box<Sleep>>,
    /// As whom everything runs; the permit says so.
    identity: Option<Arc<Identity>>,
    /// How far the database is with that, where it was told along with what comes next.
    pub(super) assumption: Assumption,
    /// What the started statement's columns and parameters must be, until they were looked at.
    rows: Option<Rows>,
}

impl Exclusive {
    pub(super) fn new(
        socket: Socket,
        shared: Rc<Shared>,
        place: OwnedSemaphorePermit,
        deadline: Instant,
        identity: Option<Arc<Identity>>,
    ) -> Self {
        let deadline = Box::pin(sleep_until(deadline));
        let (socket, place, assumption) = (Some(socket), Some(place), Assumption::default());
        Self { socket, shared, place, deadline, identity, assumption, rows: None }
    }

    /// From now on, everything is by `deadline`.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline.as_mut().reset(deadline);
    }

    /// As whom the permit has it run.
    pub(super) fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.clone()
    }

    /// Whether a transaction is open, failed or not.
    pub fn is_in_transaction(&self) -> bool {
        self.socket.as_ref().is_some_and(|it| it.transaction != Transaction::None)
    }

    /// Runs SQL without arguments, of one statement or several, and throws rows away; gives the rows
    /// that the last one's tag counts.
    ///
    /// # Errors
    /// Why it did not run to its end.
    pub async fn execute(&mut self, sql: &str) -> Result<u64, Failure> {
        self.must_be_somebody()?;
        self.simple(sql).await
    }

    pub(super) async fn simple(&mut self, sql: &str) -> Result<u64, Failure> {
        self.say(|socket| frontend::query(sql, &mut socket.out))?;
        self.conclude(|tag| matches!(tag, ROW_DESCRIPTION_TAG | DATA_ROW_TAG)).await
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// Why it did not begin.
    pub async fn begin(&mut self) -> Result<(), Failure> {
        let begin = self.beginning().to_owned();
        self.say(|socket| frontend::query(&begin, &mut socket.out))?;
        self.introduced().await
    }

    /// What begins a transaction.
    pub(super) fn beginning(&self) -> &str {
        self.shared.preamble.as_ref().map_or("BEGIN", Preamble::begin)
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// [`Failure::OutcomeUnknown`] when the server said nothing after it was asked. A transaction
    /// that had failed is rolled back, and is refused with SQLSTATE 25P02.
    pub async fn commit(&mut self) -> Result<(), Failure> {
        if self.socket.as_ref().is_some_and(|it| it.transaction == Transaction::Failed) {
            self.rollback().await?;
            return Err(refusal("25P02", "the transaction had failed"));
        }
        match self.simple("COMMIT").await {
            Err(Failure::Unavailable | Failure::Deadline) => Err(Failure::OutcomeUnknown),
            // What ends the session may come before the commit, or after it.
            Err(Failure::Refused(it)) if it.ends_session() => Err(Failure::OutcomeUnknown),
            outcome => outcome.map(drop),
        }
    }

    /// Rolls the transaction back; nothing when there is none.
    ///
    /// # Errors
    /// The server did not answer; what it does not commit is rolled back all the same.
    pub async fn rollback(&mut self) -> Result<(), Failure> {
        if !self.is_in_transaction() {
            return Ok(());
        }
        self.simple("ROLLBACK").await.map(drop)
    }

    /// Runs a statement and gives its rows to `sink`; gives their number, or for a statement without
    /// columns the rows that it changed. Outside a transaction it is one of its own.
    ///
    /// # Errors
    /// Why it did not run to its end.
    pub async fn run<S: RowSink>(
        &mut self,
        statement: &Prepared,
        arguments: &[Argument],
        sink: &mut S,
    ) -> Result<u64, Failure> {
        self.start(statement, arguments)?;
        let largest = sink.largest_row();
        let mut row = |bytes: &[u8]| sink.row(bytes).map(ControlFlow::Continue);
        loop {
            match poll_fn(|context| self.poll_rows(context, largest, &mut row)).await? {
                Progress::Complete(0) => return Ok(self.counted()),
                Progress::Complete(rows) => return Ok(rows),
                Progress::Paused => {}
            }
        }
    }

    /// The rows that the tag of the last command counted.
    pub fn counted(&self) -> u64 {
        self.socket.as_ref().map_or(0, |it| it.counted)
    }

    /// Starts a statement, whose rows are to be polled with [`Exclusive::poll_rows`]. It is planned
    /// for its arguments, for rows worth a connection are worth a plan.
    ///
    /// # Errors
    /// The connection is of no more use, or the arguments are larger than a message can be.
    pub fn start(&mut self, statement: &Prepared, arguments: &[Argument]) -> Result<(), Failure> {
        if self.identity.is_some() && statement.calls() {
            return Err(Failure::of_a_call());
        }
        // Within a transaction it was said at its beginning.
        let says = !self.is_in_transaction() && !statement.calls();
        let identity = self.identity.clone().filter(|_| says);
        let shared = Rc::clone(&self.shared);
        let preamble = shared.preamble.as_ref().filter(|_| says);
        self.say(|socket| {
            match (preamble, &identity) {
                (Some(preamble), _) => preamble.write(identity.as_deref(), &mut socket.out)?,
                (None, Some(identity)) => message::assume_once(identity, &mut socket.out)?,
                (None, None) => {}
            }
            message::prepare("", statement, &mut socket.out)?;
            message::run("", arguments, &mut socket.out)
        })?;
        self.rows = Some(Rows::new(statement, preamble.is_some() || identity.is_some()));
        Ok(())
    }

    /// Gives the rows of the started statement to `row`, each the body of a `DataRow` in binary form,
    /// until it breaks, no more are there yet, or the statement is complete. While it is not polled,
    /// rows stay in the socket and the server waits.
    ///
    /// # Errors
    /// Why there is not all of it; a row larger than `largest` bytes is [`Stop::TooLarge`].
    pub fn poll_rows(
        &mut self,
        context: &mut Context<'_>,
        largest: usize,
        mut row: impl FnMut(&[u8]) -> Result<ControlFlow<()>, Stop>,
    ) -> Poll<Result<Progress, Failure>> {
        let Some(mut rows) = self.rows.take() else {
            return Poll::Ready(Ok(Progress::Complete(0)));
        };
        let outcome = self.poll_messages(context, largest, |known, tag, body| {
            rows.take(known, tag, body, &mut row)
        });
        match outcome {
            Poll::Pending => {
                self.rows = Some(rows);
                Poll::Pending
            }
            Poll::Ready(Ok(Progress::Paused)) => {
                self.rows = Some(rows);
                Poll::Ready(Ok(Progress::Paused))
            }
            Poll::Ready(Ok(complete)) => Poll::Ready(match rows.fault {
                Some(fault) => Err(fault),
                None => self.refused().map_or(Ok(complete), |failure| match failure {
                    Failure::Refused(refusal) if rows.assumes => Err(Failure::of_identity(refusal)),
                    failure => Err(failure),
                }),
            }),
            Poll::Ready(Err(failure)) => Poll::Ready(Err(failure)),
        }
    }

    /// Starts `COPY … FROM STDIN`.
    ///
    /// # Errors
    /// Why it did not start.
    pub async fn copy_in(&mut self, sql: &str) -> Result<CopyIn<'_>, Failure> {
        self.copy(sql, COPY_IN_RESPONSE_TAG).await?;
        Ok(CopyIn::new(self))
    }

    /// Starts `COPY … TO STDOUT`.
    ///
    /// # Errors
    /// Why it did not start.
    pub async fn copy_out(&mut self, sql: &str) -> Result<CopyOut<'_>, Failure> {
        self.copy(sql, COPY_OUT_RESPONSE_TAG).await?;
        Ok(CopyOut::new(self))
    }

    /// Under an identity only a transaction knows as whom it runs.
    fn must_be_somebody(&self) -> Result<(), Failure> {
        if self.identity.is_none() || self.is_in_transaction() {
            return Ok(());
        }
        Err(refusal("25P01", "there is no transaction to run in under a caller's role"))
    }

    async fn copy(&mut self, sql: &str, wanted: u8) -> Result<(), Failure> {
        self.must_be_somebody()?;
        self.say(|socket| frontend::query(sql, &mut socket.out))?;
        let began = poll_fn(|context| {
            self.poll_messages(context, usize::MAX, |known, tag, _| match tag {
                _ if tag == wanted => {
                    known.copies_in = tag == COPY_IN_RESPONSE_TAG;
                    Ok(ControlFlow::Break(true))
                }
                ERROR_RESPONSE_TAG | COMMAND_COMPLETE_TAG => Ok(ControlFlow::Continue(())),
                READY_FOR_QUERY_TAG => Ok(ControlFlow::Break(false)),
                _ => Err(unasked()),
            })
        });
        if began.await? {
            return Ok(());
        }
        // A statement that is no such COPY has run; that is a mistake of this program.
        Err(self.refused().unwrap_or(Failure::ShapeChanged))
    }

    /// Appends what `write` makes, a span that the server will end.
    pub(super) fn say(
        &mut self,
        write: impl FnOnce(&mut Socket) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let socket = self.open()?;
        let before = socket.out.len();
        socket.refusal = None;
        if let Err(error) = write(socket) {
            socket.out.truncate(before);
            // Program limit exceeded: it does not fit into a message.
            return Err(refusal("54000", &error.to_string()));
        }
        socket.owed += 1;
        Ok(())
    }

    /// Waits for the end of the span; passes over what `expected` says besides.
    pub(super) async fn conclude(&mut self, expected: impl Fn(u8) -> bool) -> Result<u64, Failure> {
        poll_fn(|context| {
            self.poll_messages(context, 0, |known, tag, _| match tag {
                READY_FOR_QUERY_TAG if known.owed == 0 => Ok(ControlFlow::Break(())),
                READY_FOR_QUERY_TAG
                | COMMAND_COMPLETE_TAG
                | EMPTY_QUERY_RESPONSE_TAG
                | ERROR_RESPONSE_TAG => Ok(ControlFlow::Continue(())),
                _ if expected(tag) => Ok(ControlFlow::Continue(())),
                _ => Err(unasked()),
            })
        })
        .await?;
        self.refused().map_or_else(|| Ok(self.counted()), Err)
    }

    /// What the server refused, once.
    pub(super) fn refused(&mut self) -> Option<Failure> {
        let refusal = self.socket.as_mut()?.refusal.take()?;
        Some(self.assumption.failure(refusal))
    }

    pub(super) fn poll_messages<B>(
        &mut self,
        context: &mut Context<'_>,
        largest: usize,
        mut take: impl FnMut(&mut Known, u8, Option<&[u8]>) -> io::Result<ControlFlow<B>>,
    ) -> Poll<Result<B, Failure>> {
        let mut assumption = self.assumption;
        let outcome = self.open()?.poll_messages(context, largest, |known, tag, body| {
            if assumption.takes(known, tag)? {
                return Ok(ControlFlow::Continue(()));
            }
            take(known, tag, body)
        });
        self.assumption = assumption;
        self.judge(context, outcome)
    }

    /// Ready when there is room for more to be written.
    pub(super) fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let outcome = self.open()?.poll_room(context);
        self.judge(context, outcome)
    }

    fn judge<B>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<B>>,
    ) -> Poll<Result<B, Failure>> {
        match outcome {
            Poll::Ready(Ok(it)) => Poll::Ready(Ok(it)),
            Poll::Ready(Err(_)) => {
                if let Some(socket) = &mut self.socket {
                    socket.broken = true;
                }
                // The server says why it hangs up, as when an administrator ends the session.
                Poll::Ready(Err(self.refused().unwrap_or(Failure::Unavailable)))
            }
            Poll::Pending => {
                if Future::poll(self.deadline.as_mut(), context).is_ready() {
                    return Poll::Ready(Err(Failure::Deadline));
                }
                Poll::Pending
            }
        }
    }

    pub(super) fn open(&mut self) -> Result<&mut Socket, Failure> {
        match &mut self.socket {
            Some(socket) if !socket.broken => Ok(socket),
            _ => Err(Failure::Unavailable),
        }
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        if let (Some(socket), Some(place)) = (self.socket.take(), self.place.take()) {
            release::release(socket, &self.shared, place);
        }
    }
}

/// What this side refuses, as the server would.
fn refusal(sqlstate: &str, message: &str) -> Failure {
    let (sqlstate, message) = (sqlstate.to_owned(), message.to_owned());
    Failure::Refused(Refusal { sqlstate, message, ..Refusal::default() })
}

pub(super) fn unasked() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a message that no request asked for")
}
