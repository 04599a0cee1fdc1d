//! The messages of one request: a span of bytes that ends with its own Sync.
//!
//! Source: PostgreSQL documentation, "Message Flow: Extended Query" and "Pipelining". A span is one
//! implicit transaction: an error in it skips to its Sync and leaves the next span alone.

use super::statement::Prepared;
use crate::{access::Identity, value::Argument};
use bytes::BytesMut;
use postgres_protocol::{IsNull, message::frontend};
use std::io;

/// Appends the messages that make `statement` known to a connection under `name`: an older one of the
/// name is closed first, which is no error when there is none. The one without a name needs no closing.
///
/// # Errors
/// When the SQL holds a NUL byte or is larger than a message can be.
pub fn prepare(name: &str, statement: &Prepared, out: &mut BytesMut) -> io::Result<()> {
    if !name.is_empty() {
        frontend::close(b'S', name, out)?;
    }
    frontend::parse(name, &statement.sql, statement.parameters.iter().copied(), out)?;
    frontend::describe(b'S', name, out)
}

/// The name of the statement that sets role and claims.
pub const IDENTITY: &str = "howdah_identity";
/// Sets both until the transaction ends, which is at the span's Sync; what it gives is short.
pub(super) const SET_IDENTITY: &str = "SELECT pg_catalog.set_config('role', $1, true) IS NULL, \
     pg_catalog.set_config('request.jwt.claims', $2, true) IS NULL";
/// The OID of `text`.
pub(super) const TEXT: u32 = 25;

/// Appends the messages that make the statement of [`assume`] known to a connection as [`IDENTITY`].
///
/// # Errors
/// None but those of a message that is too large, which this is not.
pub fn introduce(out: &mut BytesMut) -> io::Result<()> {
    frontend::close(b'S', IDENTITY, out)?;
    frontend::parse(IDENTITY, SET_IDENTITY, [TEXT, TEXT], out)
}

/// Appends Bind and Execute that set role and claims for what follows in the span.
///
/// # Errors
/// When the claims are larger than a message can be.
pub fn assume(identity: &Identity, out: &mut BytesMut) -> io::Result<()> {
    execute(IDENTITY, &[identity.role(), identity.claims()], out)
}

/// Appends the same with a statement that has no name, for whoever says it once.
///
/// # Errors
/// As [`assume`].
pub fn assume_once(identity: &Identity, out: &mut BytesMut) -> io::Result<()> {
    frontend::parse("", SET_IDENTITY, [TEXT, TEXT], out)?;
    execute("", &[identity.role(), identity.claims()], out)
}

/// Appends Parse, Bind and Execute of a `SET`, which holds from then on unless the span fails.
///
/// # Errors
/// When the SQL holds a NUL byte or is larger than a message can be.
pub fn set(sql: &str, out: &mut BytesMut) -> io::Result<()> {
    frontend::parse("", sql, [], out)?;
    execute("", &[], out)
}

/// Appends Bind and Execute of the statement that is known as `name`, with texts.
pub(super) fn execute(name: &str, values: &[&str], out: &mut BytesMut) -> io::Result<()> {
    let write = |value: &&str, out: &mut BytesMut| {
        out.extend_from_slice(value.as_bytes());
        Ok(IsNull::No)
    };
    frontend::bind("", name, [], values, write, [1], out).map_err(bind_error)?;
    frontend::execute("", 0, out)
}

/// Appends a Sync: the span's end where nothing is to run.
pub fn end(out: &mut BytesMut) {
    frontend::sync(out);
}

/// Appends Bind, Execute and Sync of the statement that is known as `name`, for all rows in binary. A limit on rows in Execute would keep the
/// server from planning in parallel, so whoever takes the rows counts them.
///
/// # Errors
/// When the arguments are larger than a message can be.
pub fn run(name: &str, arguments: &[Argument], out: &mut BytesMut) -> io::Result<()> {
    let formats =
        arguments.iter().map(|argument| i16::from(matches!(argument, Argument::Binary(_))));
    frontend::bind("", name, formats, arguments, write_argument, [1], out).map_err(bind_error)?;
    frontend::execute("", 0, out)?;
    frontend::sync(out);
    Ok(())
}

fn bind_error(error: frontend::BindError) -> io::Error {
    match error {
        frontend::BindError::Conversion(error) => io::Error::other(error),
        frontend::BindError::Serialization(error) => error,
    }
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
