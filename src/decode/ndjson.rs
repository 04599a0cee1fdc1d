//! NDJSON: a JSON object on each line. Lines end with LF or CRLF, the last one may end with the
//! body; lines of blanks alone are passed over.

use super::{Body, Next, lines, object};
use memchr::memchr;

const RECORD: &str = "line";

/// Divides a body into lines.
pub(super) type Parser = lines::Lines<Records>;

/// Reads lines.
#[derive(Default)]
pub(super) struct Records;

impl lines::Records for Records {
    fn end_of_record(&mut self, bytes: &[u8]) -> Option<usize> {
        memchr(b'\n', bytes)
    }

    fn lines_within(_: &[u8]) -> u64 {
        0
    }

    fn record(&mut self, line: &[u8], number: u64, body: &mut Body, out: &mut Vec<u8>) -> Next {
        if line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
            return Next::More;
        }
        if !body.begin(number) {
            return Next::Enough;
        }
        object::read(line, number, RECORD, body);
        body.end(out)
    }

    fn too_long(&self, number: u64, body: &mut Body) -> Next {
        body.too_long(number, RECORD)
    }

    fn finish(&mut self, rest: &[u8], number: u64, body: &mut Body, out: &mut Vec<u8>) {
        let _ = self.record(rest, number, body, out);
    }
}
