//! Short texts, appended in one piece of a fixed size.
//!
//! A copy whose length is known when the program is built is two or three moves; one whose length is not
//! is a call. So a short text is laid into an array, the array is appended as a whole, and what is too
//! much is cut off again: most of what rows consist of are such texts.

/// Appends the first `length` bytes of `bytes`.
#[inline]
pub(crate) fn append<const N: usize>(bytes: &[u8; N], length: usize, out: &mut Vec<u8>) {
    let end = out.len() + length;
    out.extend_from_slice(bytes);
    out.truncate(end);
}

/// Appends a text that is most often of 4 to 24 bytes.
#[inline]
pub(crate) fn append_slice(text: &[u8], out: &mut Vec<u8>) {
    let length = text.len();
    // Two pieces of a size that is known cover the text; they overlap.
    let wide = |piece: &[u8; 8]| u128::from(u64::from_le_bytes(*piece));
    let narrow = |piece: &[u8; 4]| u128::from(u32::from_le_bytes(*piece));
    if let (4..8, Some(first), Some(last)) = (length, text.first_chunk(), text.last_chunk()) {
        let both = narrow(first) | narrow(last) << (8 * (length - 4));
        append(&both.to_le_bytes(), length, out);
    } else if let (8..=16, Some(first), Some(last)) =
        (length, text.first_chunk(), text.last_chunk())
    {
        let both = wide(first) | wide(last) << (8 * (length - 8));
        append(&both.to_le_bytes(), length, out);
    } else if let (17..=24, Some(first), Some(last)) =
        (length, text.first_chunk::<16>(), text.last_chunk::<8>())
    {
        out.extend_from_slice(first);
        let rest = u64::from_le_bytes(*last) >> (8 * (24 - length));
        append(&rest.to_le_bytes(), length - 16, out);
    } else {
        out.extend_from_slice(text);
    }
}

/// The bytes of a text of less than eight as a little-endian word, what is above them zero.
#[inline]
pub(crate) fn word(text: &[u8]) -> u64 {
    match (text.first_chunk::<4>(), text.last_chunk::<4>(), text) {
        (Some(first), Some(last), _) => {
            let high = u64::from(u32::from_le_bytes(*last));
            u64::from(u32::from_le_bytes(*first)) | high << (8 * (text.len() - 4))
        }
        (_, _, [a, b, c]) => u64::from(u32::from_le_bytes([*a, *b, *c, 0])),
        (_, _, [a, b]) => u64::from(u16::from_le_bytes([*a, *b])),
        (_, _, [a]) => u64::from(*a),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_each_length_are_appended_and_nothing_else() {
        let text: Vec<u8> = (b'A'..).take(40).collect();
        for length in 0..=text.len() {
            for before in [0, 1, 7] {
                let mut out = vec![b'.'; before];
                append_slice(&text[..length], &mut out);
                assert_eq!(out[before..], text[..length]);
                assert_eq!(out[..before], b"......."[..before]);
            }
        }
        let mut out = b"a".to_vec();
        append(b"bcde", 2, &mut out);
        append(b"fg", 0, &mut out);
        assert_eq!(out, b"abc");
    }

    #[test]
    fn a_word_holds_its_bytes_and_zeros() {
        for length in 0..8 {
            let mut bytes = [0; 8];
            bytes[..length].copy_from_slice(&b"1234567"[..length]);
            assert_eq!(word(&bytes[..length]).to_le_bytes(), bytes);
        }
    }
}
