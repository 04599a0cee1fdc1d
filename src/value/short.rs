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
    fn what_is_too_much_is_cut_off() {
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
