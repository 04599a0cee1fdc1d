//! Decimal digits of small numbers, without a division for each.

/// The two digits of every number below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        let (tens, ones) = (number / 10, number % 10);
        pairs[number] = [b"0123456789"[tens], b"0123456789"[ones]];
        number += 1;
    }
    pairs
};

/// The last two digits of a number.
pub(super) fn two(number: u32) -> [u8; 2] {
    // No `u32` below 100 is too large for it.
    PAIRS[usize::try_from(number % 100).unwrap_or(0)]
}

/// The last four digits of a number.
pub(super) fn four(number: u32) -> [u8; 4] {
    let ([a, b], [c, d]) = (two(number / 100), two(number));
    [a, b, c, d]
}

/// A number below 10^8 without zeros before it, and how many digits it has; what is behind them means
/// nothing.
pub(super) fn short(number: u32) -> ([u8; 8], usize) {
    let halves = [four(number / 10_000), four(number)].map(u32::from_be_bytes);
    let word = u64::from(halves[0]) << 32 | u64::from(halves[1]);
    // Zeros are told by what is left of a digit without its upper half. The last digit always stands.
    let zeros = ((word ^ ZEROS) | 1).leading_zeros() / 8;
    ((word << (8 * zeros)).to_be_bytes(), 8 - zeros as usize)
}

/// Eight times the digit zero.
const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_number_has_no_zeros_before_it() {
        let edges = (0..8).flat_map(|power| {
            let edge = 10_u32.pow(power);
            [edge - 1, edge, edge + 1, edge * 9, edge * 10 - 1]
        });
        for number in edges.chain(0..12_000).chain([12_345_678, 99_999_999]) {
            let (text, length) = short(number);
            assert_eq!(&text[..length], number.to_string().as_bytes());
        }
    }

    #[test]
    fn digits_are_those_that_the_standard_library_writes() {
        for number in 0..20_000 {
            assert_eq!(two(number).as_slice(), format!("{:02}", number % 100).as_bytes());
            assert_eq!(four(number).as_slice(), format!("{:04}", number % 10_000).as_bytes());
        }
    }
}
