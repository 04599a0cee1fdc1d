//! A flight: one span on its way, with the loads that it carries.

use super::{Failure, RowSink, connection::FlightId, load::Load, queue::Line};
use crate::{
    definition::file::plan::PlanMode,
    postgres::{message, preamble::Preamble, refusal::Refusal, statement::Prepared},
};
use bytes::BytesMut;
use std::{io, rc::Rc, slice, sync::Arc, time::Duration};

/// What a span carries.
pub(super) enum Cargo<S> {
    /// One call.
    One(Rc<Load<S>>),
    /// Calls of one statement and one identity, in the form of the statement that answers many.
    Many(Vec<Rc<Load<S>>>),
}

impl<S> Cargo<S> {
    /// A cargo of calls that go together; nothing where there is none.
    pub(super) fn of(mut loads: Vec<Rc<Load<S>>>) -> Option<Self> {
        if loads.len() > 1 { Some(Self::Many(loads)) } else { loads.pop().map(Self::One) }
    }

    pub(super) fn loads(&self) -> &[Rc<Load<S>>] {
        match self {
            Self::One(load) => slice::from_ref(load),
            Self::Many(loads) => loads,
        }
    }

    /// Whether it is a batch.
    pub(super) fn is_batch(&self) -> bool {
        matches!(self, Self::Many(_))
    }
}

/// How far a statement is, as far as its answers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// What goes before it, its role and claims most often, has not begun to be set.
    Nobody,
    /// That is being set.
    Assuming,
    /// It has not begun to run.
    Sent,
    /// It runs.
    Running,
    /// It ended well; the transaction ends with the span.
    Complete,
}

/// What a call's messages are on the connection that they are written to.
#[expect(clippy::struct_excessive_bools, reason = "each is a part that a span has or has not")]
#[derive(Clone, Copy)]
pub(super) struct Span {
    /// Whether it prepares the statement that sets role and claims, or whatever else goes before.
    pub(super) introduces: bool,
    /// How the session is told to plan statements from now on, when it is.
    pub(super) plans: Option<PlanMode>,
    /// Whether it prepares the statement.
    pub(super) prepares: bool,
    /// Whether it runs the statement; else it prepares it alone.
    pub(super) runs: bool,
    /// Whether nothing of it has a name on the server, for the next span may be on another one.
    pub(super) unnamed: bool,
}

impl Span {
    /// Role and claims come before the statement is prepared: its role may be the only one that may
    /// look into its schema.
    pub(super) fn write<S: RowSink>(
        self,
        cargo: &Cargo<S>,
        preamble: Option<&Preamble>,
        out: &mut BytesMut,
    ) -> io::Result<()> {
        let over = || io::Error::other("the call is over");
        let [first, ..] = cargo.loads() else { return Err(over()) };
        if let Some(plan) = self.plans {
            message::set(plan.set(), out)?;
        }
        first
            .with_call(|call| {
                if let Some(preamble) = preamble {
                    preamble.write(call.identity.as_deref(), out)?;
                } else if let Some(identity) = &call.identity {
                    if self.introduces {
                        message::introduce(out)?;
                    }
                    message::assume(identity, out)?;
                }
                let batch = call.statement.batch.as_ref().filter(|_| cargo.is_batch());
                let statement = batch.map_or(&call.statement, |batch| &batch.statement);
                if self.prepares {
                    message::prepare(self.name(statement), statement, out)?;
                }
                match batch {
                    _ if !self.runs => {
                        message::end(out);
                        Ok(())
                    }
                    None => message::run(self.name(statement), &call.arguments, out),
                    Some(_) => Ok(()),
                }
            })
            .unwrap_or_else(|| Err(over()))?;
        match (&first.statement.batch, cargo) {
            (Some(batch), Cargo::Many(loads)) if self.runs => {
                let arguments = loads
                    .iter()
                    .map(|load| load.with_call(|call| std::mem::take(&mut call.arguments)))
                    .collect::<Option<Vec<_>>>()
                    .unwrap_or_default();
                let bound = batch.bind(&arguments);
                for (load, arguments) in loads.iter().zip(arguments) {
                    load.with_call(|call| call.arguments = arguments);
                }
                let bound = bound.ok_or_else(|| io::Error::other("arguments of two forms"))?;
                message::run(self.name(&batch.statement), &bound, out)
            }
            _ => Ok(()),
        }
    }
}

impl Span {
    /// What the statement is called on the server.
    fn name(self, statement: &Prepared) -> &str {
        if self.unnamed { "" } else { &statement.name }
    }
}

/// A span in flight.
pub(super) struct Flight<S> {
    pub(super) cargo: Cargo<S>,
    /// The statement as it was sent.
    pub(super) statement: Arc<Prepared>,
    /// Where its connection keeps what it knows of the statement.
    pub(super) slot: usize,
    pub(super) id: FlightId,
    /// Where its span begins in all that was ever written to this connection, in bytes.
    pub(super) begins_at: u64,
    pub(super) span: Span,
    pub(super) stage: Stage,
    /// Statements that go before it in its span and have not ended.
    pub(super) before_it: u8,
    /// Whether it runs with a shape that nobody looked at, so that its rows are worth nothing.
    pub(super) unchecked: bool,
    /// Where it waited.
    pub(super) line: Line,
    /// How long it takes when nothing disturbs it.
    pub(super) at_least: Duration,
    /// How long it was the first on its connection.
    pub(super) lasted: Duration,
    /// Why all of its rows are worth nothing, when they are.
    pub(super) fault: Option<Failure>,
    pub(super) refusal: Option<Refusal>,
}

impl<S: RowSink> Flight<S> {
    /// Whether nothing of it ran because the backend did not know a statement that it should have.
    pub(super) fn was_forgotten(&self) -> bool {
        match self.stage {
            Stage::Nobody => !self.span.introduces,
            Stage::Sent => !self.span.prepares,
            Stage::Assuming | Stage::Running | Stage::Complete => false,
        }
    }

    /// Whether what it still does is for nothing. The end of its transaction is not to be disturbed.
    pub(super) fn is_unwanted(&self) -> bool {
        let in_vain = |load: &Rc<Load<S>>| {
            load.is_elsewhere(self.id) || load.is_unwanted() || load.fault().is_some()
        };
        self.stage != Stage::Complete
            && (self.fault.is_some() || self.cargo.loads().iter().all(in_vain))
    }

    /// It begins to answer: its loads take no answer from elsewhere.
    pub(super) fn claim(&self) {
        for load in self.cargo.loads() {
            load.claim(self.id);
        }
    }

    /// A row: the body of a `DataRow`. That of a batch begins with the place, from 1, of the load
    /// that it is for; `scratch` holds the row without it.
    ///
    /// # Errors
    /// When no load has that place.
    pub(super) fn row(&mut self, body: &[u8], scratch: &mut Vec<u8>) -> io::Result<()> {
        let loads = match &self.cargo {
            Cargo::One(load) => {
                if !load.row(self.id, body) {
                    self.fault = load.fault();
                }
                return Ok(());
            }
            Cargo::Many(loads) => loads,
        };
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "a row for nobody");
        let [a, b, 0, 0, 0, 8, rest @ ..] = body else { return Err(wrong()) };
        let (place, rest) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
        let columns = u16::from_be_bytes([*a, *b]).checked_sub(1).ok_or_else(wrong)?;
        let place = usize::try_from(i64::from_be_bytes(*place)).map_err(|_| wrong())?;
        let load = place.checked_sub(1).and_then(|it| loads.get(it)).ok_or_else(wrong)?;
        scratch.clear();
        scratch.extend_from_slice(&columns.to_be_bytes());
        scratch.extend_from_slice(rest);
        load.row(self.id, scratch);
        Ok(())
    }

    /// The largest row that is worth holding as a whole, in bytes.
    pub(super) fn largest_row(&self) -> usize {
        let of_load = |load: &Rc<Load<S>>| load.with_call(|call| call.sink.largest_row());
        self.cargo.loads().iter().filter_map(of_load).max().unwrap_or(0)
    }

    /// A row was larger than that.
    pub(super) fn passes_over(&mut self) {
        let fault = Failure::Stopped(super::Stop::TooLarge);
        match &self.cargo {
            Cargo::One(load) if load.claim(self.id) => load.set_fault(fault),
            Cargo::One(_) => {}
            Cargo::Many(_) => self.fault = Some(fault),
        }
    }
}
