//! The messages of one request: a span of bytes that ends with its own Sync.
//!
//! Source: PostgreSQL documentation, "Message Flow: Extended Query" and "Pipelining". A span is one
//! implicit transaction: an error in it skips to its Sync and leaves the next span alone.

use super::statement::Prepared;
use crate::value::Argument;
use bytes::BytesMut;
use postgres_protocol::{IsNull, message::frontend};
use std::io;

/// Appends the messages that make `statement` known to a connection: an older one of the name is
/// closed first, which is no error when there is none.
///
/// # Errors
/// When the SQL holds a NUL byte or is larger than a message can be.
pub fn prepare(statement: &Prepared, out: &mut BytesMut) -> io::Result<()> {
    frontend::close(b'S', &statement.name, out)?;
    frontend::parse(&statement.name, &statement.sql, statement.parameters.iter().copied(), out)?;
    frontend::describe(b'S', &statement.name, out)
}

/// Appends a Sync: the span's end where nothing is to run.
pub fn end(out: &mut BytesMut) {
    frontend::sync(out);
}

/// Appends Bind, Execute and Sync, for all rows in binary. A limit on rows in Execute would keep the
/// server from planning in parallel, so whoever takes the rows counts them.
///
/// # Errors
/// When the arguments are larger than a message can be.
pub fn run(statement: &Prepared, arguments: &[Argument], out: &mut BytesMut) -> io::Result<()> {
    let formats =
        arguments.iter().map(|argument| i16::from(matches!(argument, Argument::Binary(_))));
    frontend::bind("", &statement.name, formats, arguments, write_argument, [1], out).map_err(
        |error| match error {
            frontend::BindError::Conversion(error) => io::Error::other(error),
            frontend::BindError::Serialization(error) => error,
        },
    )?;
    frontend::execute("", 0, out)?;
    frontend::sync(out);
    Ok(())
}

type Conversion = Box<dyn std::error::Error + Sync + Send>;

#[expect(clippy::unnecessary_wraps, reason = "the shape of postgres-protocol's serializer")]
fn write_argument(argument: &Argument, out: &mut BytesMut) -> Result<IsNull, Conversion> {
    match argument {
        Argument::Null => Ok(IsNull::Yes),
        Argument::Text(bytes) | Argument::Binary(bytes) => {
            out.extend_from_slice(bytes);
            Ok(IsNull::No)
        }
    }
}
