//! A JSON array of objects, divided into its elements without holding more than one.

use super::{Body, MAX_RECORD_BYTES, Next, object};
use memchr::memchr_iter;

const RECORD: &str = "element";

/// Where in the array the body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before `[`.
    #[default]
    Start,
    /// Behind `[`: an element or `]`.
    First,
    /// Behind `,`: an element.
    Element,
    /// Behind an element: `,` or `]`.
    Behind,
    /// Behind `]`: nothing.
    End,
}

/// Divides a body into elements.
#[derive(Default)]
pub(super) struct Parser {
    place: Place,
    /// Whether an element has begun, and how deep in it the body is.
    within: Option<Within>,
    /// The begin of an element whose end has not come.
    kept: Vec<u8>,
    /// Line feeds passed.
    lines: u64,
}

#[derive(Clone, Copy, Default)]
struct Within {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Parser {
    pub(super) fn push(&mut self, chunk: &[u8], body: &mut Body, out: &mut Vec<u8>) -> Next {
        let mut rest = chunk;
        loop {
            if self.within.is_none() {
                match self.between(rest, body) {
                    Ok(Some(at)) => rest = rest.get(at..).unwrap_or_default(),
                    Ok(None) => return Next::More,
                    Err(enough) => return enough,
                }
                self.within = Some(Within::default());
            }
            let Some(length) = self.element_end(rest) else {
                if self.kept.len() + rest.len() > MAX_RECORD_BYTES {
                    return body.too_long(self.lines + 1, RECORD);
                }
                self.kept.extend_from_slice(rest);
                return Next::More;
            };
            let (last, behind) = rest.split_at(length);
            rest = behind;
            self.within = None;
            self.place = Place::Behind;
            let next = if self.kept.is_empty() {
                self.element(last, body, out)
            } else {
                let mut kept = std::mem::take(&mut self.kept);
                kept.extend_from_slice(last);
                let next = self.element(&kept, body, out);
                kept.clear();
                self.kept = kept;
                next
            };
            if next == Next::Enough {
                return next;
            }
        }
    }

    pub(super) fn finish(&mut self, body: &mut Body) {
        if body.faults.is_full() || body.rows > body.max_rows {
            return;
        }
        let line = self.lines + 1;
        let _ = match self.place {
            Place::End => return,
            Place::Start => body.give_up(line, "the body is empty; a JSON array is expected"),
            _ => body.give_up(line, "the body ends within the JSON array"),
        };
    }

    /// Goes over what stands between elements, to where the next begins; nothing when `bytes` end
    /// before.
    fn between(&mut self, bytes: &[u8], body: &mut Body) -> Result<Option<usize>, Next> {
        for (at, byte) in bytes.iter().enumerate() {
            let wanted = match (self.place, byte) {
                (_, b'\n') => {
                    self.lines += 1;
                    continue;
                }
                (_, b' ' | b'\t' | b'\r') => continue,
                (Place::Start, b'[') => {
                    self.place = Place::First;
                    continue;
                }
                (Place::First | Place::Behind, b']') => {
                    self.place = Place::End;
                    continue;
                }
                (Place::Behind, b',') => {
                    self.place = Place::Element;
                    continue;
                }
                (Place::First | Place::Element, b']' | b',') => "an element is missing",
                (Place::First | Place::Element, _) => return Ok(Some(at)),
                (Place::Start, _) => "the body is not a JSON array",
                (Place::Behind, _) => "`,` or `]` is missing behind the element",
                (Place::End, _) => "something stands behind the JSON array",
            };
            return Err(body.give_up(self.lines + 1, wanted));
        }
        Ok(None)
    }

    /// How many of `bytes` belong to the element, when it ends in them.
    fn element_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut within = self.within.unwrap_or_default();
        let begun = !self.kept.is_empty();
        for (at, byte) in bytes.iter().enumerate() {
            if within.in_string {
                match byte {
                    _ if within.escaped => within.escaped = false,
                    b'\\' => within.escaped = true,
                    b'"' => within.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => within.in_string = true,
                b'{' | b'[' => within.depth += 1,
                b'}' | b']' if within.depth > 0 => {
                    within.depth -= 1;
                    if within.depth == 0 {
                        return Some(at + 1);
                    }
                }
                b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n'
                    if within.depth == 0 && (begun || at > 0) =>
                {
                    return Some(at);
                }
                _ => {}
            }
        }
        self.within = Some(within);
        None
    }

    fn element(&mut self, element: &[u8], body: &mut Body, out: &mut Vec<u8>) -> Next {
        let line = self.lines + 1;
        self.lines += memchr_iter(b'\n', element).count() as u64;
        if element.len() > MAX_RECORD_BYTES {
            return body.too_long(line, RECORD);
        }
        if !body.begin(line) {
            return Next::Enough;
        }
        object::read(element, line, RECORD, body);
        body.end(out)
    }
}
