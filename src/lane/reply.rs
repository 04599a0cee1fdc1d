//! What the server's messages mean for the call at the head of a connection.

use super::{
    Failure, RowSink,
    connection::{Flight, Known, State},
};
use crate::postgres::refusal::Refusal;
use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{
    BIND_COMPLETE_TAG, CLOSE_COMPLETE_TAG, COMMAND_COMPLETE_TAG, DATA_ROW_TAG,
    EMPTY_QUERY_RESPONSE_TAG, ERROR_RESPONSE_TAG, Message, NO_DATA_TAG, NOTICE_RESPONSE_TAG,
    NOTIFICATION_RESPONSE_TAG, PARAMETER_DESCRIPTION_TAG, PARAMETER_STATUS_TAG, PARSE_COMPLETE_TAG,
    READY_FOR_QUERY_TAG, ROW_DESCRIPTION_TAG,
};
use std::io;

/// Bytes of a message's head: its tag and its length.
const HEAD: usize = 5;

/// The whole message at the start of `bytes`: its tag and its size in bytes, head included.
///
/// # Errors
/// When the length cannot be one.
pub(super) fn frame(bytes: &[u8]) -> io::Result<Option<(u8, usize)>> {
    let [tag, a, b, c, d, ..] = *bytes else { return Ok(None) };
    let size = u32::from_be_bytes([a, b, c, d]) as usize + 1;
    if !(HEAD..=(1 << 30) + HEAD).contains(&size) {
        return Err(broken("a message of an impossible length"));
    }
    Ok((bytes.len() >= size).then_some((tag, size)))
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Takes one whole message (`frame` as cut by [`frame`]); gives the call that it ended.
///
/// # Errors
/// When the message cannot stand where it does: the connection is of no more use.
pub(super) fn take<S: RowSink>(
    state: &mut State<S>,
    tag: u8,
    frame: &[u8],
) -> io::Result<Option<Flight<S>>> {
    let body = &frame[HEAD..];
    if matches!(tag, NOTICE_RESPONSE_TAG | NOTIFICATION_RESPONSE_TAG | PARAMETER_STATUS_TAG) {
        return Ok(None);
    }
    let Some(flight) = state.flights.front_mut() else {
        return match tag {
            // The server says why it is about to hang up.
            ERROR_RESPONSE_TAG => Err(io::Error::other(refusal(frame)?.message)),
            _ => Err(broken("an answer to nothing")),
        };
    };
    let index = flight.call.statement.index;
    match tag {
        DATA_ROW_TAG => {
            if state.statements[index] == Known::Changed {
                flight.fault = Some(Failure::ShapeChanged);
            } else if flight.fault.is_none() {
                flight.rows += 1;
                flight.fault = flight.call.sink.row(body).err().map(Failure::Stopped);
            }
        }
        COMMAND_COMPLETE_TAG | EMPTY_QUERY_RESPONSE_TAG => flight.complete = true,
        ERROR_RESPONSE_TAG => {
            let refusal = refusal(frame)?;
            if flight.preparing || matches!(refusal.sqlstate.as_str(), "26000" | "0A000") {
                state.statements[index] = Known::No;
            }
            flight.refusal = Some(refusal);
        }
        READY_FOR_QUERY_TAG => return Ok(state.flights.pop_front()),
        PARAMETER_DESCRIPTION_TAG => {
            if let Message::ParameterDescription(body) = parse(frame)? {
                let oids: Vec<u32> = body.parameters().collect()?;
                if oids != flight.call.statement.parameters {
                    state.statements[index] = Known::Changed;
                }
            }
        }
        ROW_DESCRIPTION_TAG | NO_DATA_TAG => {
            let columns: Vec<u32> = match parse(frame)? {
                Message::RowDescription(body) => {
                    body.fields().map(|it| Ok(it.type_oid())).collect()?
                }
                _ => Vec::new(),
            };
            let known = &mut state.statements[index];
            let same = columns == flight.call.statement.columns && *known != Known::Changed;
            *known = if same { Known::Yes } else { Known::Changed };
        }
        BIND_COMPLETE_TAG => {
            if state.statements[index] == Known::Changed {
                flight.fault = Some(Failure::ShapeChanged);
            }
        }
        PARSE_COMPLETE_TAG | CLOSE_COMPLETE_TAG => {}
        _ => return Err(broken("a message that no request asked for")),
    }
    Ok(None)
}

fn parse(frame: &[u8]) -> io::Result<Message> {
    Message::parse(&mut BytesMut::from(frame))?.ok_or_else(|| broken("half a message"))
}

fn refusal(frame: &[u8]) -> io::Result<Refusal> {
    match parse(frame)? {
        Message::ErrorResponse(body) => Ok(Refusal::from_fields(body.fields())),
        _ => Err(broken("an error that is none")),
    }
}
