//! Decimal numbers as they are written, compared exactly.
//!
//! No float stands between a bound and an argument: `0.1` is a tenth, and a `numeric` of a thousand
//! digits is all of them.

use std::cmp::Ordering;

/// A number, or one of the three that SQL has beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decimal {
    /// Not a number; it compares to nothing.
    NaN,
    /// Below or above every number.
    Infinite {
        /// Below.
        negative: bool,
    },
    /// `±0.DIGITS × 10^exponent`; the digits neither begin nor end with a zero, and are empty for
    /// zero.
    Finite {
        /// Below zero.
        negative: bool,
        /// Decimal digits, as ASCII.
        digits: Box<[u8]>,
        /// The power of ten.
        exponent: i64,
    },
}

impl Decimal {
    /// The number that `text` writes in decimal, as JSON or PostgreSQL has it: `-1.5e3`, `.5`,
    /// `NaN`, `infinity`. White space around it is no part of it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if unsigned.eq_ignore_ascii_case("nan") {
            return Some(Self::NaN);
        }
        if ["inf", "infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word)) {
            return Some(Self::Infinite { negative });
        }
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], unsigned[at + 1..].parse::<i64>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let leading = digits.iter().take_while(|digit| **digit == b'0').count();
        let trailing = digits.iter().rev().take_while(|digit| **digit == b'0').count();
        if leading == digits.len() {
            return Some(Self::Finite { negative: false, digits: Box::default(), exponent: 0 });
        }
        let shift = i64::try_from(whole.len()).ok()?.checked_sub(i64::try_from(leading).ok()?)?;
        Some(Self::Finite {
            negative,
            digits: digits[leading..digits.len() - trailing].into(),
            exponent: exponent.checked_add(shift)?,
        })
    }

    /// The order of two numbers; NaN has none.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(match (self.rank()?, other.rank()?) {
            (one, two) if one != two => one.cmp(&two),
            (-1, _) => other.magnitude().cmp(&self.magnitude()),
            _ => self.magnitude().cmp(&other.magnitude()),
        })
    }

    /// -2 and 2 for the infinite, -1, 0 and 1 for the sign of the others.
    fn rank(&self) -> Option<i8> {
        Some(match self {
            Self::NaN => return None,
            Self::Infinite { negative: true } => -2,
            Self::Infinite { negative: false } => 2,
            Self::Finite { digits, .. } if digits.is_empty() => 0,
            Self::Finite { negative: true, .. } => -1,
            Self::Finite { negative: false, .. } => 1,
        })
    }

    /// What orders numbers of the same sign by their distance from zero. Digits without trailing
    /// zeros are in the order of the fractions they write.
    fn magnitude(&self) -> (i64, &[u8]) {
        match self {
            Self::Finite { digits, exponent, .. } => (*exponent, digits),
            _ => (0, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_order_is_exact() {
        let ascending = [
            "-infinity",
            "-1e999999",
            "-10",
            "-9.99",
            "-9.9",
            "-0.1",
            "0",
            "1e-400",
            "0.1",
            "0.10000000000000000000000000000000001",
            ".5",
            "1",
            "9007199254740992",
            "9007199254740993",
            "1e17",
            "18446744073709551616",
            "1e999999",
            "Infinity",
        ];
        for (at, one) in ascending.iter().enumerate() {
            for (other_at, other) in ascending.iter().enumerate() {
                let (one, other) = (Decimal::parse(one).unwrap(), Decimal::parse(other).unwrap());
                assert_eq!(one.compare(&other), Some(at.cmp(&other_at)), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn one_number_has_many_spellings() {
        for (one, other) in
            [("1", "1.000"), ("-0", "0e99"), ("100", "1E+2"), (" 5. ", "+05"), (".25", "25e-2")]
        {
            let order = Decimal::parse(one).unwrap().compare(&Decimal::parse(other).unwrap());
            assert_eq!(order, Some(Ordering::Equal), "{one} {other}");
        }
        let nan = Decimal::parse("NaN").unwrap();
        assert_eq!(nan.compare(&nan), None);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bad in [
            "",
            ".",
            "-",
            "1a",
            "1e",
            "1e5.5",
            "--1",
            "0x1F",
            "1 2",
            "é",
            "e5",
            "1e99999999999999999999",
        ] {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
    }
}
