//! Records that end with a line feed, out of chunks that are cut anywhere.
//!
//! Owns what is kept of a record between chunks, how long a record may be, and on which line it
//! begins. Does not own what ends a record nor what it says ([`Records`]).

use super::{Body, MAX_RECORD_BYTES, Next};

/// What reads the records of a format.
pub(super) trait Records {
    /// Where in `bytes`, which go on where the last ones ended, the line feed stands that ends the
    /// record that is open; nothing when it is not among them.
    fn end_of_record(&mut self, bytes: &[u8]) -> Option<usize>;

    /// How many line feeds the record has in it.
    fn lines_within(record: &[u8]) -> u64;

    /// Takes a record that begins on `line`, without the line feed that ends it.
    fn record(&mut self, record: &[u8], line: u64, body: &mut Body, out: &mut Vec<u8>) -> Next;

    /// The record that begins on `line` is longer than any may be.
    fn too_long(&self, line: u64, body: &mut Body) -> Next;

    /// The body has ended, behind `rest`, in which no record ends.
    fn finish(&mut self, rest: &[u8], line: u64, body: &mut Body, out: &mut Vec<u8>);
}

/// Divides a body into records.
#[derive(Default)]
pub(super) struct Lines<R> {
    records: R,
    /// The begin of a record whose end has not come.
    kept: Vec<u8>,
    /// Line feeds passed.
    passed: u64,
}

impl<R: Records> Lines<R> {
    pub(super) fn push(&mut self, chunk: &[u8], body: &mut Body, out: &mut Vec<u8>) -> Next {
        let mut rest = chunk;
        while let Some(end) = self.records.end_of_record(rest) {
            let (record, behind) = (&rest[..end], &rest[end + 1..]);
            rest = behind;
            let next = if self.kept.is_empty() {
                self.record(record, body, out)
            } else {
                let mut kept = std::mem::take(&mut self.kept);
                kept.extend_from_slice(record);
                let next = self.record(&kept, body, out);
                kept.clear();
                self.kept = kept;
                next
            };
            if next == Next::Enough {
                return next;
            }
        }
        if self.kept.len() + rest.len() > MAX_RECORD_BYTES {
            return self.records.too_long(self.passed + 1, body);
        }
        self.kept.extend_from_slice(rest);
        Next::More
    }

    pub(super) fn finish(&mut self, body: &mut Body, out: &mut Vec<u8>) {
        let kept = std::mem::take(&mut self.kept);
        self.records.finish(&kept, self.passed + 1, body, out);
    }

    /// Takes a record that a line feed ends.
    fn record(&mut self, record: &[u8], body: &mut Body, out: &mut Vec<u8>) -> Next {
        let line = self.passed + 1;
        self.passed += R::lines_within(record) + 1;
        if record.len() > MAX_RECORD_BYTES {
            return self.records.too_long(line, body);
        }
        self.records.record(record, line, body, out)
    }
}
