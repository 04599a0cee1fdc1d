//! What the server's messages mean for the call at the head of a connection.
//!
//! A message that cannot stand where it does ends the connection: whoever goes on after it may give a
//! caller what is somebody else's.

#[cfg(test)]
mod tests;

use super::{
    Failure, RowSink,
    connection::{Knowledge, Shape, State},
    flight::{Span, Stage},
};
use crate::postgres::refusal::Refusal;
use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{
    BIND_COMPLETE_TAG, CLOSE_COMPLETE_TAG, COMMAND_COMPLETE_TAG, COPY_DATA_TAG,
    COPY_IN_RESPONSE_TAG, COPY_OUT_RESPONSE_TAG, DATA_ROW_TAG, EMPTY_QUERY_RESPONSE_TAG,
    ERROR_RESPONSE_TAG, Message, NO_DATA_TAG, NOTICE_RESPONSE_TAG, NOTIFICATION_RESPONSE_TAG,
    PARAMETER_DESCRIPTION_TAG, PARAMETER_STATUS_TAG, PARSE_COMPLETE_TAG, READY_FOR_QUERY_TAG,
    ROW_DESCRIPTION_TAG,
};
use std::io;

/// A statement that was prepared is not there. What closed it behind our back, `DISCARD ALL`, may have reset the
/// session's settings too.
const FORGOTTEN: &str = "26000";
const COPY_BOTH_RESPONSE_TAG: u8 = b'W';

/// Bytes of a message's head: its tag and its length.
pub(super) const HEAD: usize = 5;
/// The largest length that a row can state, in bytes: PostgreSQL holds no more than 1 GiB in one
/// piece.
const LONGEST: usize = (1 << 30) + 4;
/// The largest length that is believed of any other message.
const LONGEST_OTHER: usize = 16 << 20;

/// The head of the message at the start of `bytes`: its tag and the size of the message in bytes,
/// head included.
///
/// # Errors
/// When the length cannot be one.
pub(super) fn head(bytes: &[u8]) -> io::Result<Option<(u8, usize)>> {
    let [tag, a, b, c, d, ..] = *bytes else { return Ok(None) };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    let is_row = matches!(tag, DATA_ROW_TAG | COPY_DATA_TAG);
    let longest = if is_row { LONGEST } else { LONGEST_OTHER };
    if !(HEAD - 1..=longest).contains(&length) {
        return Err(broken("a message of an impossible length"));
    }
    Ok(Some((tag, length + 1)))
}

/// Whether the session plans as it is known to, after this refusal.
fn keeps_plans(span: Span, refusal: &Refusal) -> bool {
    span.plans.is_none() && refusal.sqlstate != FORGOTTEN
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Takes one whole message, of the tag and size that [`head`] found; says whether it ended the flight
/// at the head, which is the caller's to land. (To give the flight itself would move it with every row.)
///
/// # Errors
/// When the message cannot stand where it does: the connection is of no more use.
pub(super) fn take<S: RowSink>(state: &mut State<S>, tag: u8, message: &[u8]) -> io::Result<bool> {
    let body = message.get(HEAD..).unwrap_or_default();
    if matches!(tag, NOTICE_RESPONSE_TAG | NOTIFICATION_RESPONSE_TAG | PARAMETER_STATUS_TAG) {
        return Ok(false);
    }
    let Some(flight) = state.flights.front_mut() else {
        return match tag {
            // The server says why it is about to hang up.
            ERROR_RESPONSE_TAG => Err(io::Error::other(refusal(message)?.message)),
            _ => Err(broken("an answer to nothing")),
        };
    };
    let known = state
        .statements
        .get_mut(flight.slot)
        .ok_or_else(|| broken("an answer for a statement that was never sent"))?;
    if matches!(flight.stage, Stage::Nobody | Stage::Assuming) && flight.refusal.is_none() {
        match (tag, flight.stage) {
            (PARSE_COMPLETE_TAG, Stage::Nobody) if flight.span.plans.is_some() => {}
            (PARSE_COMPLETE_TAG | CLOSE_COMPLETE_TAG, Stage::Nobody) if flight.span.introduces => {}
            (BIND_COMPLETE_TAG, Stage::Nobody) => flight.stage = Stage::Assuming,
            (DATA_ROW_TAG, Stage::Assuming) => {}
            (COMMAND_COMPLETE_TAG, Stage::Assuming) => {
                flight.before_it -= 1;
                flight.stage = if flight.before_it > 0 { Stage::Nobody } else { Stage::Sent };
            }
            (ERROR_RESPONSE_TAG, stage) => {
                let refusal = refusal(message)?;
                if stage == Stage::Nobody {
                    state.introduced = false;
                }
                state.plans = state.plans.filter(|_| keeps_plans(flight.span, &refusal));
                // The statement was not prepared, if it was to be.
                if flight.span.prepares && known.shape == Shape::Unknown {
                    *known = Knowledge::default();
                }
                flight.refusal = Some(refusal);
            }
            _ => return Err(broken("a message that no change of role asked for")),
        }
        return Ok(false);
    }
    let preparing = flight.span.prepares && flight.stage == Stage::Sent && flight.refusal.is_none();
    let running = flight.stage == Stage::Running && flight.refusal.is_none();
    match tag {
        DATA_ROW_TAG if running => {
            if flight.fault.is_none() && !flight.unchecked {
                flight.row(body, &mut state.scratch)?;
            }
        }
        COMMAND_COMPLETE_TAG | EMPTY_QUERY_RESPONSE_TAG if running => {
            flight.stage = Stage::Complete;
        }
        ERROR_RESPONSE_TAG => {
            let refusal = refusal(message)?;
            let unprepared = flight.span.prepares && known.shape == Shape::Unknown;
            let forgotten = matches!(refusal.sqlstate.as_str(), FORGOTTEN | "0A000");
            if flight.stage == Stage::Sent && (unprepared || forgotten) {
                *known = Knowledge::default();
            }
            // The session plans as it did before: what was set went with the transaction.
            state.plans = state.plans.filter(|_| keeps_plans(flight.span, &refusal));
            // What comes after the first, the server's good-bye, says less.
            flight.refusal.get_or_insert(refusal);
        }
        READY_FOR_QUERY_TAG => {
            let described = !flight.span.runs && known.shape != Shape::Unknown;
            if !(flight.stage == Stage::Complete || described || flight.refusal.is_some()) {
                return Err(broken("an end without an answer"));
            }
            if body != b"I" {
                return Err(broken("a statement left a transaction open"));
            }
            return Ok(true);
        }
        PARSE_COMPLETE_TAG if preparing => known.shape = Shape::Unknown,
        CLOSE_COMPLETE_TAG if preparing => {}
        PARAMETER_DESCRIPTION_TAG if preparing => {
            if let Message::ParameterDescription(body) = parse(message)? {
                let oids: Vec<u32> = body.parameters().collect()?;
                if oids != flight.statement.parameters {
                    known.shape = Shape::Changed;
                }
            }
        }
        ROW_DESCRIPTION_TAG | NO_DATA_TAG if preparing => {
            let columns: Vec<u32> = match parse(message)? {
                Message::RowDescription(body) => {
                    body.fields().map(|it| Ok(it.type_oid())).collect()?
                }
                _ => Vec::new(),
            };
            let same = columns == flight.statement.columns && known.shape == Shape::Unknown;
            known.shape = if same { Shape::Same } else { Shape::Changed };
            if !flight.span.runs && !same {
                flight.fault = Some(Failure::ShapeChanged);
            }
        }
        BIND_COMPLETE_TAG
            if flight.span.runs && flight.stage == Stage::Sent && flight.refusal.is_none() =>
        {
            flight.stage = Stage::Running;
            flight.claim();
            match known.shape {
                Shape::Same => {}
                Shape::Changed => flight.fault = Some(Failure::ShapeChanged),
                Shape::Unknown => flight.unchecked = true,
            }
        }
        COPY_IN_RESPONSE_TAG | COPY_OUT_RESPONSE_TAG | COPY_BOTH_RESPONSE_TAG => {
            // The statement would bring it about again, so it is not sent again.
            flight.fault = Some(Failure::Refused(Refusal {
                // protocol_violation
                sqlstate: "08P01".into(),
                message: "COPY cannot run here".into(),
                ..Refusal::default()
            }));
            return Err(broken("a statement began to copy"));
        }
        _ => return Err(broken("a message that no request asked for")),
    }
    Ok(false)
}

fn parse(frame: &[u8]) -> io::Result<Message> {
    Message::parse(&mut BytesMut::from(frame))?.ok_or_else(|| broken("half a message"))
}

/// The message of this tag and body.
///
/// # Errors
/// When it is not one.
pub(super) fn parse_body(tag: u8, body: &[u8]) -> io::Result<Message> {
    let length = u32::try_from(body.len() + HEAD - 1).map_err(|_| broken("a long message"))?;
    parse(&[&[tag], &length.to_be_bytes()[..], body].concat())
}

/// What an `ErrorResponse` says.
///
/// # Errors
/// When it is not one.
pub(super) fn refusal(frame: &[u8]) -> io::Result<Refusal> {
    match parse(frame)? {
        Message::ErrorResponse(body) => Ok(Refusal::from_fields(body.fields())),
        _ => Err(broken("an error that is none")),
    }
}
