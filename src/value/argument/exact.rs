//! Exact numbers as PostgreSQL's binary form: decimal text to digits of base 10000.
//!
//! The form is that of PostgreSQL's `numeric_recv`, which `value::numeric` reads.

use super::number::decimal;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;

/// Decimal digits in one of the form's digits.
const GROUP: i64 = 4;

/// Appends the binary form of a number that `number::numeric` found good. `false` when it is none.
pub(super) fn write(text: &str, out: &mut Vec<u8>) -> bool {
    let special = match text {
        "NaN" => Some(NAN),
        "Infinity" => Some(INFINITY),
        "-Infinity" => Some(MINUS_INFINITY),
        _ => None,
    };
    if let Some(sign) = special {
        head(0, 0, sign, 0, out);
        return true;
    }
    write_decimal(text, out).is_some()
}

fn write_decimal(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let parts = decimal(text)?;
    let exponent = i64::from(parts.exponent.parse::<i32>().ok()?);
    let length = |digits: &str| i64::try_from(digits.len()).ok();
    let (whole, fraction) = (parts.whole.as_bytes(), parts.fraction.as_bytes());
    let scale = u16::try_from((length(parts.fraction)? - exponent).max(0)).ok()?;
    // Where the point is, counted in digits from the first.
    let point = length(parts.whole)?.checked_add(exponent)?;
    let digit = |at: i64| -> u16 {
        let Ok(at) = usize::try_from(at) else { return 0 };
        let digit = whole.get(at).or_else(|| fraction.get(at.checked_sub(whole.len())?));
        digit.map_or(0, |digit| u16::from(digit - b'0'))
    };
    let count = length(parts.whole)? + length(parts.fraction)?;
    let significant = |at: &i64| digit(*at) != 0;
    let (Some(first), Some(last)) = ((0..count).find(significant), (0..count).rfind(significant))
    else {
        head(0, 0, 0, scale, out);
        return Some(());
    };
    // The power of 10000 that the digit at a place belongs to.
    let power = |at: i64| (point - 1 - at).div_euclid(GROUP);
    let (highest, lowest) = (power(first), power(last));
    let groups = u16::try_from(highest - lowest + 1).ok()?;
    let sign = if text.starts_with('-') { NEGATIVE } else { 0 };
    head(groups, i16::try_from(highest).ok()?, sign, scale, out);
    for power in (lowest..=highest).rev() {
        let start = point - GROUP * (power + 1);
        let group = (start..start + GROUP).fold(0, |group, at| group * 10 + digit(at));
        out.extend_from_slice(&group.to_be_bytes());
    }
    Some(())
}

fn head(digits: u16, weight: i16, sign: u16, scale: u16, out: &mut Vec<u8>) {
    for part in [digits, weight.cast_unsigned(), sign, scale] {
        out.extend_from_slice(&part.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{numeric, wire::Wire};
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let (mut form, mut out) = (Vec::new(), Vec::new());
        assert!(write(text, &mut form), "{text}");
        let mut wire = Wire::new(&form, "numeric");
        numeric::write(&mut wire, &mut out).unwrap();
        wire.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_keep_their_value_and_their_decimals() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.00", "0.00"),
            ("1", "1"),
            ("10000", "10000"),
            ("1.50", "1.50"),
            ("-12345.6789", "-12345.6789"),
            ("1e3", "1000"),
            ("1.5e2", "150"),
            ("15e-1", "1.5"),
            ("1e-5", "0.00001"),
            ("100000000e-4", "10000.0000"),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert!(!write("one", &mut Vec::new()));
    }

    proptest! {
        #[test]
        fn any_decimal_comes_back(
            text in "(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?",
        ) {
            prop_assert_eq!(shown(&text), text);
        }
    }
}
