//! NDJSON: a JSON object on each line. Lines end with LF or CRLF, the last one may end with the
//! body; lines of blanks alone are passed over.

use super::{Body, MAX_RECORD_BYTES, Next, object};
use memchr::memchr;

const RECORD: &str = "line";

/// Divides a body into lines.
#[derive(Default)]
pub(super) struct Parser {
    /// The begin of a line whose end has not come.
    kept: Vec<u8>,
    /// Lines that have ended.
    lines: u64,
}

impl Parser {
    pub(super) fn push(&mut self, chunk: &[u8], body: &mut Body, out: &mut Vec<u8>) -> Next {
        let mut rest = chunk;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, behind) = (&rest[..end], &rest[end + 1..]);
            rest = behind;
            let next = if self.kept.is_empty() {
                self.line(line, body, out)
            } else {
                let mut kept = std::mem::take(&mut self.kept);
                kept.extend_from_slice(line);
                let next = self.line(&kept, body, out);
                kept.clear();
                self.kept = kept;
                next
            };
            self.lines += 1;
            if next == Next::Enough {
                return next;
            }
        }
        if self.kept.len() + rest.len() > MAX_RECORD_BYTES {
            return body.too_long(self.lines + 1, RECORD);
        }
        self.kept.extend_from_slice(rest);
        Next::More
    }

    pub(super) fn finish(&mut self, body: &mut Body, out: &mut Vec<u8>) {
        let kept = std::mem::take(&mut self.kept);
        let _ = self.line(&kept, body, out);
    }

    fn line(&mut self, line: &[u8], body: &mut Body, out: &mut Vec<u8>) -> Next {
        let number = self.lines + 1;
        if line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
            return Next::More;
        }
        if line.len() > MAX_RECORD_BYTES {
            return body.too_long(number, RECORD);
        }
        if !body.begin(number) {
            return Next::Enough;
        }
        object::read(line, number, RECORD, body);
        body.end(out)
    }
}
