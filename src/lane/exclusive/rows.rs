//! The rows of one statement, as they come: whether they are what was asked for, and when they end.

use super::{job::unasked, socket::Known};
use crate::{
    lane::{Failure, Stop, reply},
    postgres::statement::Prepared,
};
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{
    BIND_COMPLETE_TAG, CLOSE_COMPLETE_TAG, COMMAND_COMPLETE_TAG, DATA_ROW_TAG,
    EMPTY_QUERY_RESPONSE_TAG, ERROR_RESPONSE_TAG, Message, NO_DATA_TAG, PARAMETER_DESCRIPTION_TAG,
    PARSE_COMPLETE_TAG, READY_FOR_QUERY_TAG, ROW_DESCRIPTION_TAG,
};
use std::{io, ops::ControlFlow};

/// How far a started statement is.
pub(super) struct Rows {
    parameters: Vec<u32>,
    columns: Vec<u32>,
    given: u64,
    /// Whether what comes is still about role, claims and settings, which are set first.
    pub(super) assumes: bool,
    /// What is wrong with its shape, or with one of its rows.
    pub(super) fault: Option<Failure>,
}

/// How far a stream of rows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Whoever takes the rows has enough for now.
    Paused,
    /// The statement ran to its end; so many rows were taken.
    Complete(u64),
}

impl Rows {
    pub(super) fn new(statement: &Prepared, assumes: bool) -> Self {
        let (parameters, columns) = (statement.parameters.clone(), statement.columns.clone());
        Self { parameters, columns, given: 0, assumes, fault: None }
    }

    /// Takes a message of the statement's span; `row` takes the rows.
    pub(super) fn take(
        &mut self,
        known: &Known,
        tag: u8,
        body: Option<&[u8]>,
        row: &mut impl FnMut(&[u8]) -> Result<ControlFlow<()>, Stop>,
    ) -> io::Result<ControlFlow<Progress>> {
        // Rows that are worth nothing are not waited for: dropping the job stops the statement.
        let ended = ControlFlow::Break(Progress::Complete(self.given));
        Ok(match tag {
            DATA_ROW_TAG if self.assumes => ControlFlow::Continue(()),
            COMMAND_COMPLETE_TAG if self.assumes => {
                self.assumes = false;
                ControlFlow::Continue(())
            }
            DATA_ROW_TAG => {
                let taken = body.ok_or(Stop::TooLarge).and_then(&mut *row);
                self.given += 1;
                match taken {
                    Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
                    Ok(ControlFlow::Break(())) => ControlFlow::Break(Progress::Paused),
                    Err(stop) => {
                        self.fault = Some(Failure::Stopped(stop));
                        ended
                    }
                }
            }
            READY_FOR_QUERY_TAG if known.owed == 0 => ended,
            PARAMETER_DESCRIPTION_TAG | ROW_DESCRIPTION_TAG | NO_DATA_TAG => {
                if self.is_as_typed(tag, body.unwrap_or_default())? {
                    ControlFlow::Continue(())
                } else {
                    self.fault = Some(Failure::ShapeChanged);
                    ended
                }
            }
            PARSE_COMPLETE_TAG
            | CLOSE_COMPLETE_TAG
            | BIND_COMPLETE_TAG
            | COMMAND_COMPLETE_TAG
            | EMPTY_QUERY_RESPONSE_TAG
            | ERROR_RESPONSE_TAG
            | READY_FOR_QUERY_TAG => ControlFlow::Continue(()),
            _ => return Err(unasked()),
        })
    }

    /// Whether the server describes the statement as it was typed.
    fn is_as_typed(&self, tag: u8, body: &[u8]) -> io::Result<bool> {
        Ok(match reply::parse_body(tag, body)? {
            Message::ParameterDescription(body) => {
                body.parameters().collect::<Vec<u32>>()? == self.parameters
            }
            Message::RowDescription(body) => {
                body.fields().map(|it| Ok(it.type_oid())).collect::<Vec<u32>>()? == self.columns
            }
            _ => self.columns.is_empty(),
        })
    }
}
