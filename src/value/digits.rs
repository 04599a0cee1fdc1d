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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_that_the_standard_library_writes() {
        for number in 0..20_000 {
            assert_eq!(two(number).as_slice(), format!("{:02}", number % 100).as_bytes());
            assert_eq!(four(number).as_slice(), format!("{:04}", number % 10_000).as_bytes());
        }
    }
}
