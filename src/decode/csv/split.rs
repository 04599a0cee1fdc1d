//! Where records and fields end.

use memchr::memchr;

/// Where in a record the body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// At the begin of a field.
    #[default]
    Begin,
    /// In a field without quotes, or behind one in quotes.
    Plain,
    /// In a field in quotes.
    Quoted,
    /// Behind a quote within such a field: its end, or the first of two.
    Quote,
}

/// Finds the ends of records in chunks that are cut anywhere.
#[derive(Default)]
pub(super) struct Splitter {
    place: Place,
}

impl Splitter {
    /// Whether a field in quotes is open.
    pub(super) fn is_in_quotes(&self) -> bool {
        self.place == Place::Quoted
    }

    /// Where in `bytes` the line feed stands that ends the record that is open; nothing when it is
    /// not among them. Goes on behind it the next time.
    pub(super) fn end_of_record(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        if self.place == Place::Begin
            && let Some(end) = memchr(b'\n', bytes)
            && memchr(b'"', bytes.get(..end).unwrap_or_default()).is_none()
        {
            return Some(end);
        }
        while let Some(byte) = bytes.get(at) {
            self.place = match (self.place, byte) {
                (Place::Quoted, b'"') => Place::Quote,
                (Place::Quoted, _) => {
                    // Straight to the next quote.
                    let rest = bytes.get(at..).unwrap_or_default();
                    at += memchr(b'"', rest)?;
                    continue;
                }
                (_, b'\n') => {
                    self.place = Place::Begin;
                    return Some(at);
                }
                (_, b',') => Place::Begin,
                (Place::Begin | Place::Quote, b'"') => Place::Quoted,
                (Place::Begin | Place::Plain | Place::Quote, _) => Place::Plain,
            };
            at += 1;
        }
        None
    }
}

/// A field of a record.
pub(super) struct Field<'r> {
    /// What it says.
    pub(super) text: &'r str,
    /// Whether it stood in quotes.
    pub(super) quoted: bool,
}

/// Gives each field of `record` to `take`. `unquoted` is room for those that have quotes in them.
///
/// # Errors
/// What is wrong with the field behind those that were given; the end of a sentence.
pub(super) fn fields(
    record: &str,
    unquoted: &mut Vec<u8>,
    mut take: impl FnMut(Field<'_>),
) -> Result<(), &'static str> {
    let mut rest = record;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (end, doubled) = closing_quote(quoted).ok_or("is not closed")?;
            let inner = quoted.get(..end).unwrap_or_default();
            rest = quoted.get(end + 1..).unwrap_or_default();
            if !(rest.is_empty() || rest.starts_with(',')) {
                return Err("has something behind its closing quote");
            }
            if doubled {
                let single = single_quotes(inner, unquoted);
                take(Field { text: single, quoted: true });
            } else {
                take(Field { text: inner, quoted: true });
            }
        } else {
            let end = memchr(b',', rest.as_bytes()).unwrap_or(rest.len());
            let (field, behind) = rest.split_at(end);
            if field.contains('"') {
                return Err("has a quote in it and does not begin with one");
            }
            if field.contains('\r') {
                return Err("has a carriage return and does not stand in quotes");
            }
            take(Field { text: field, quoted: false });
            rest = behind;
        }
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind,
            None => return Ok(()),
        }
    }
}

/// Where in `text` the quote stands that closes the field, and whether quotes are doubled before.
fn closing_quote(text: &str) -> Option<(usize, bool)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut doubled = false;
    loop {
        at += memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some((at, doubled));
        }
        doubled = true;
        at += 2;
    }
}

/// `text` with one quote for each two.
fn single_quotes<'u>(text: &str, room: &'u mut Vec<u8>) -> &'u str {
    room.clear();
    let mut rest = text.as_bytes();
    while let Some(quote) = memchr(b'"', rest) {
        let (before, behind) = rest.split_at(quote + 1);
        room.extend_from_slice(before);
        rest = behind.get(1..).unwrap_or_default();
    }
    room.extend_from_slice(rest);
    // What was UTF-8 still is without some of its quotes.
    std::str::from_utf8(room).unwrap_or_default()
}
