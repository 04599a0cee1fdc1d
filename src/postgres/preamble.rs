//! What goes before a statement where sessions keep no settings of their own.
//!
//! A pooler in transaction mode gives each transaction the server connection that is free. What a lane
//! else says once, when a connection is opened, is said in each transaction there, for that transaction
//! alone. Owns these words. Does not own when they are said (`lane`).

use super::message;
use crate::access::Identity;
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use std::{io, time::Duration};

/// A lane's settings, as statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preamble {
    /// The settings alone, as a SELECT.
    alone: String,
    /// The settings, and role and claims as `$1` and `$2`.
    identified: String,
    begin: String,
}

impl Preamble {
    /// The settings of a lane whose statements may run for so long, and write or not.
    pub fn new(statement_timeout: Duration, writes: bool) -> Self {
        let timeout_ms = statement_timeout.as_millis();
        let read_only = if writes {
            ""
        } else {
            ", pg_catalog.set_config('transaction_read_only', 'on', true) IS NULL"
        };
        let settings = format!(
            "pg_catalog.set_config('statement_timeout', '{timeout_ms}', true) IS NULL{read_only}"
        );
        let access = if writes { "" } else { " READ ONLY" };
        Self {
            alone: format!("SELECT {settings}"),
            identified: format!("{}, {settings}", message::SET_IDENTITY),
            begin: format!("BEGIN{access}; SET LOCAL statement_timeout = {timeout_ms}"),
        }
    }

    /// Appends Parse, Bind and Execute that set everything for what follows in the span.
    ///
    /// # Errors
    /// When the claims are larger than a message can be.
    pub fn write(&self, identity: Option<&Identity>, out: &mut BytesMut) -> io::Result<()> {
        let Some(identity) = identity else {
            frontend::parse("", &self.alone, [], out)?;
            return message::execute("", &[], out);
        };
        frontend::parse("", &self.identified, [message::TEXT, message::TEXT], out)?;
        message::execute("", &[identity.role(), identity.claims()], out)
    }

    /// The statements that begin a transaction with the same settings.
    pub fn begin(&self) -> &str {
        &self.begin
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    #[test]
    fn a_lane_that_reads_says_so_in_each_transaction() {
        let reads = Preamble::new(Duration::from_millis(2500), false);
        assert_eq!(reads.begin(), "BEGIN READ ONLY; SET LOCAL statement_timeout = 2500");
        assert!(reads.alone.contains("'transaction_read_only', 'on', true"));
        let writes = Preamble::new(Duration::from_secs(5), true);
        assert_eq!(writes.begin(), "BEGIN; SET LOCAL statement_timeout = 5000");
        assert!(!writes.identified.contains("read_only"));
        for sql in [&reads.alone, &reads.identified, &writes.alone, &writes.identified] {
            assert!(sql.starts_with("SELECT ") && sql.contains("statement_timeout"), "{sql}");
            assert!(!sql.contains("false)"), "for the transaction alone: {sql}");
        }
    }

    #[test]
    fn nothing_of_it_has_a_name_on_the_server() {
        let mut out = BytesMut::new();
        Preamble::new(Duration::from_secs(1), false).write(None, &mut out).unwrap();
        assert_eq!((out[0], out[5]), (b'P', 0));
        let bind = out.iter().position(|byte| *byte == b'B');
        assert!(bind.is_some_and(|at| out[at + 5..at + 7] == [0, 0]), "{out:?}");
    }
}
