//! First answers, as they are kept: the statements, and a row of the table.

use super::{NotMade, Outcome};
use crate::{
    lane::{Exclusive, Failure, RowSink, Stop},
    postgres::statement::Prepared,
    value::{Argument, Malformed, wire::Wire},
};
use bytes::Bytes;
use std::{fmt::Write, time::Duration};

/// OIDs of the table's types.
const BYTEA: u32 = 17;
const INT8: u32 = 20;
const INT4: u32 = 23;
const TEXT: u32 = 25;

/// An answer that can be given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The status.
    pub status: u16,
    /// The media type; empty where there is no body.
    pub media_type: String,
    /// Rows in it, for the log.
    pub rows: u64,
    /// The body.
    pub body: Bytes,
}

/// What the table says of a key.
pub(in crate::service) struct Known {
    request: Vec<u8>,
    kept: Kept,
}

impl Known {
    /// The answer, for a request of this digest.
    pub(in crate::service) fn answer(self, request: &[u8]) -> Result<Outcome, NotMade> {
        if self.request == request {
            Ok(Outcome::Replayed(self.kept))
        } else {
            Err(NotMade::OtherRequest)
        }
    }
}

impl Kept {
    /// An answer without a body.
    pub(super) fn nothing(status: u16) -> Self {
        Self { status, media_type: String::new(), rows: 0, body: Bytes::new() }
    }

    /// Keeps the answer in the transaction that has claimed the key.
    pub(in crate::service) async fn keep(
        &self,
        job: &mut Exclusive,
        key: &[u8; 32],
        request: &[u8],
    ) -> Result<(), Failure> {
        let statement = Prepared {
            label: "idempotency".to_owned(),
            sql: format!(
                "UPDATE howdah.idempotency SET request = $1, status = $2, media_type = $3, \
                 rows = $4, body = $5 WHERE key = {}",
                literal(key)
            ),
            parameters: vec![BYTEA, INT4, TEXT, INT8, BYTEA],
            ..Prepared::default()
        };
        let rows = i64::try_from(self.rows).unwrap_or(i64::MAX);
        let arguments = [
            Argument::Binary(request.to_vec()),
            Argument::Binary(i32::from(self.status).to_be_bytes().to_vec()),
            Argument::Binary(self.media_type.clone().into_bytes()),
            Argument::Binary(rows.to_be_bytes().to_vec()),
            Argument::Binary(self.body.to_vec()),
        ];
        match job.run(&statement, &arguments, &mut Table::default()).await? {
            1 => Ok(()),
            // The write itself has taken the key away.
            _ => Err(Failure::ShapeChanged),
        }
    }
}

/// Claims a key, for whoever waits no longer than `wait`: counts 1 when it is new or older than `keep`,
/// and 0 when it is known.
pub(super) fn claim(key: &[u8; 32], wait: Duration, keep: Duration) -> String {
    format!(
        "SET LOCAL lock_timeout = {}; INSERT INTO howdah.idempotency AS known \
         (key, request, status, media_type, rows, body) VALUES ({}, '', 0, '', 0, '') \
         ON CONFLICT (key) DO UPDATE SET request = '', status = 0, media_type = '', rows = 0, \
         body = '', created_at = now() WHERE known.created_at < {}",
        wait.as_millis().max(1),
        literal(key),
        before(keep),
    )
}

/// What is known of a key.
pub(super) async fn find(job: &mut Exclusive, key: &[u8; 32]) -> Result<Option<Known>, Failure> {
    let statement = Prepared {
        label: "idempotency".to_owned(),
        sql: format!(
            "SELECT request, status, media_type, rows, body FROM howdah.idempotency WHERE key = {}",
            literal(key)
        ),
        columns: vec![BYTEA, INT4, TEXT, INT8, BYTEA],
        ..Prepared::default()
    };
    let mut table = Table::default();
    job.run(&statement, &[], &mut table).await?;
    Ok(table.0)
}

/// Puts away answers that are older than `keep`, so many at once.
pub(super) fn put_away(keep: Duration, most: u64) -> String {
    format!(
        "DELETE FROM howdah.idempotency WHERE key IN (SELECT key FROM howdah.idempotency \
         WHERE created_at < {} ORDER BY created_at LIMIT {most} FOR UPDATE SKIP LOCKED)",
        before(keep)
    )
}

/// The moment before which an answer is too old.
fn before(keep: Duration) -> String {
    format!("now() - interval '{} milliseconds'", keep.as_millis())
}

fn literal(key: &[u8; 32]) -> String {
    let hex = key.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing into a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("'\\x{hex}'::bytea")
}

/// Takes the one row.
#[derive(Default)]
struct Table(Option<Known>);

impl RowSink for Table {
    fn row(&mut self, data_row: &[u8]) -> Result<(), Stop> {
        self.0 = Some(known(data_row).map_err(|_| Stop::Malformed)?);
        Ok(())
    }

    fn restart(&mut self) {
        self.0 = None;
    }
}

/// A row of the table, from the body of a `DataRow`.
fn known(data_row: &[u8]) -> Result<Known, Malformed> {
    let mut wire = Wire::new(data_row, "row of a kept answer");
    wire.i16()?;
    let mut field = || {
        let length = usize::try_from(wire.i32()?).map_err(|_| wire.malformed())?;
        wire.take(length)
    };
    let (request, status, media_type, rows, body) =
        (field()?, field()?, field()?, field()?, field()?);
    let bad = || Malformed::new("kept answer");
    let status = i32::from_be_bytes(status.try_into().map_err(|_| bad())?);
    let rows = i64::from_be_bytes(rows.try_into().map_err(|_| bad())?);
    Ok(Known {
        request: request.to_vec(),
        kept: Kept {
            status: u16::try_from(status).map_err(|_| bad())?,
            media_type: String::from_utf8(media_type.to_vec()).map_err(|_| bad())?,
            rows: u64::try_from(rows).map_err(|_| bad())?,
            body: Bytes::copy_from_slice(body),
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    fn row(fields: &[&[u8]]) -> Vec<u8> {
        let mut row = i16::try_from(fields.len()).unwrap().to_be_bytes().to_vec();
        for field in fields {
            row.extend(i32::try_from(field.len()).unwrap().to_be_bytes());
            row.extend_from_slice(field);
        }
        row
    }

    #[test]
    fn a_row_is_read_and_a_broken_one_is_refused() {
        let (status, rows) = (201_i32.to_be_bytes(), 7_i64.to_be_bytes());
        let good = row(&[b"digest", &status, b"text/csv", &rows, b"a\n"]);
        let known = super::known(&good).unwrap();
        assert_eq!(known.request, b"digest");
        let kept = Kept {
            status: 201,
            media_type: "text/csv".to_owned(),
            rows: 7,
            body: Bytes::from_static(b"a\n"),
        };
        assert_eq!(known.kept, kept);
        for end in 0..good.len() {
            assert!(super::known(&good[..end]).is_err(), "{end}");
        }
        let negative = row(&[b"", &(-1_i32).to_be_bytes(), b"", &rows, b""]);
        assert!(super::known(&negative).is_err());
    }
}
