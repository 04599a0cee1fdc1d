//! JSON strings (RFC 8259 §7).

use crate::value::{plain::HEX, short, wire::Malformed};

/// What a byte needs: 0 nothing, `u` a numbered escape, `8` a look at the encoding, else the letter
/// behind the backslash.
const NEED: [u8; 256] = {
    let mut need = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if byte < 0x20 {
            need[byte] = b'u';
        } else if byte >= 0x80 {
            need[byte] = b'8';
        }
        byte += 1;
    }
    need[0x08] = b'b';
    need[0x09] = b't';
    need[0x0a] = b'n';
    need[0x0c] = b'f';
    need[0x0d] = b'r';
    need[b'"' as usize] = b'"';
    need[b'\\' as usize] = b'\\';
    need
};

/// One in each of the eight bytes of a word.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// The highest bit of each byte.
const HIGHEST: u64 = ONES << 7;

/// The highest bit of each byte that is below a space, a quote, a backslash, or (when `beyond_ascii`
/// is [`HIGHEST`]) no ASCII. The lowest bit that is set is right; those above it need not be: the
/// words of "Bit Twiddling Hacks", *Determine if a word has a byte less than n*, for eight bytes.
fn marks(word: u64, beyond_ascii: u64) -> u64 {
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let quote = below(word ^ (ONES * u64::from(b'"')), 1);
    let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
    (below(word, b' ') | quote | backslash) & HIGHEST | word & beyond_ascii
}

/// Whether no byte needs anything; what is no ASCII does.
fn is_sound(piece: &[u8; 16]) -> bool {
    piece.iter().fold(0, |any, byte| {
        any | u8::from(*byte < b' ')
            | u8::from(*byte == b'"')
            | u8::from(*byte == b'\\')
            | byte >> 7
    }) == 0
}

/// Where the first byte is that needs something.
fn next(text: &[u8], beyond_ascii: u64) -> Option<usize> {
    let (pieces, _) = text.as_chunks::<16>();
    let sound = 16 * pieces.iter().take_while(|piece| is_sound(piece)).count();
    let mut at = sound;
    while at < text.len() {
        let left = &text[at..];
        let word = match left.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => short::word(left) | (ONES * u64::from(b' ')) << (8 * left.len()),
        };
        let marks = marks(word, beyond_ascii);
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    None
}

/// Writes text as a JSON string at the end of `out`, its quotes included. Only what RFC 8259 says
/// must be escaped is.
///
/// # Errors
/// The text is not UTF-8, as a database in `SQL_ASCII` may send.
pub fn write(text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut beyond_ascii = HIGHEST;
    let mut written = 0;
    let mut from = 0;
    while let Some(at) = next(&text[from..], beyond_ascii).map(|at| from + at) {
        let byte = text[at];
        let need = NEED[usize::from(byte)];
        if need == b'8' {
            std::str::from_utf8(&text[at..]).map_err(|_| Malformed::new("UTF-8 text"))?;
            beyond_ascii = 0;
            from = at;
            continue;
        }
        out.extend_from_slice(&text[written..at]);
        out.extend_from_slice(&[b'\\', need]);
        if need == b'u' {
            let low = HEX[usize::from(byte & 15)];
            out.extend_from_slice(&[b'0', b'0', b'0' + (byte >> 4), low]);
        }
        written = at + 1;
        from = written;
    }
    out.extend_from_slice(&text[written..]);
    out.push(b'"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_must_be_escaped_is() {
        let mut out = Vec::new();
        let text = "a\"\\/\u{8}\u{c}\n\r\t\0\u{1f}\u{7f}é\u{2028}\u{1F418}";
        write(text.as_bytes(), &mut out).unwrap();
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}é\u{2028}\u{1F418}\"");
    }

    #[test]
    fn what_is_not_utf8_is_malformed() {
        assert!(write(b"caf\xe9", &mut Vec::new()).is_err());
        assert!(write(b"caf\xc3\xa9 \xff", &mut Vec::new()).is_err());
    }

    #[test]
    fn each_byte_is_found_wherever_it_stands() {
        for byte in 0..0x80_u8 {
            let needs = byte < b' ' || byte == b'"' || byte == b'\\';
            for at in 0..20 {
                let mut text = [b'!'; 20];
                text[at] = byte;
                // One that stands behind must not hide it, nor one that is not to be escaped.
                for behind in [0x7f, b'#', b'[', b'\n'] {
                    text[at + 1..].fill(behind);
                    let first = if needs { Some(at) } else { None };
                    let first = first.or((behind == b'\n' && at < 19).then_some(at + 1));
                    assert_eq!(next(&text, HIGHEST), first, "{byte:#x} at {at}, {behind:#x}");
                    assert_eq!(next(&text, 0), first, "{byte:#x} at {at}, {behind:#x}");
                }
            }
        }
        for at in 0..20 {
            let mut text = [b' '; 20];
            text[at] = 0x80;
            assert_eq!((next(&text, HIGHEST), next(&text, 0)), (Some(at), None));
        }
    }

    proptest! {
        #[test]
        fn bytes_are_taken_just_when_they_are_utf8(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut out = Vec::new();
            let written = write(&text, &mut out).is_ok();
            prop_assert_eq!(written, std::str::from_utf8(&text).is_ok());
        }

        #[test]
        fn any_text_reads_back(text in any::<String>()) {
            let mut out = Vec::new();
            write(text.as_bytes(), &mut out).unwrap();
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
