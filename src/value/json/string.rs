//! JSON strings (RFC 8259 §7).

use crate::value::{plain::HEX, wire::Malformed};

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

/// Writes text as a JSON string at the end of `out`, its quotes included. Only what RFC 8259 says
/// must be escaped is.
///
/// # Errors
/// The text is not UTF-8, as a database in `SQL_ASCII` may send.
pub fn write(text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut written = 0;
    let mut known_utf8 = false;
    for (at, byte) in text.iter().enumerate() {
        match NEED[usize::from(*byte)] {
            0 => {}
            b'8' => {
                if !known_utf8 {
                    std::str::from_utf8(&text[at..]).map_err(|_| Malformed::new("UTF-8 text"))?;
                    known_utf8 = true;
                }
            }
            need => {
                out.extend_from_slice(&text[written..at]);
                written = at + 1;
                out.extend_from_slice(&[b'\\', need]);
                if need == b'u' {
                    let low = HEX[usize::from(byte & 15)];
                    out.extend_from_slice(&[b'0', b'0', b'0' + (byte >> 4), low]);
                }
            }
        }
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

    proptest! {
        #[test]
        fn any_text_reads_back(text in any::<String>()) {
            let mut out = Vec::new();
            write(text.as_bytes(), &mut out).unwrap();
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
