//! Numbers as JSON writes them (RFC 8259 §6), and the words for those that JSON has not.

use super::{Invalid, scalar::Literal};
use crate::value::numeric::{MAX_AFTER, MAX_BEFORE};

const NOT_NUMBER: Invalid = Invalid::new("is not a number");

/// The parts of a number as JSON writes it.
pub(super) struct Decimal<'t> {
    pub(super) whole: &'t str,
    pub(super) fraction: &'t str,
    pub(super) exponent: &'t str,
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
pub(super) fn decimal(text: &str) -> Option<Decimal<'_>> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            (mantissa, all_digits(digits).then_some(exponent)?)
        }
        None => (unsigned, "0"),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, all_digits(fraction).then_some(fraction)?),
        None => (mantissa, ""),
    };
    (all_digits(whole) && (whole == "0" || !whole.starts_with('0'))).then_some(Decimal {
        whole,
        fraction,
        exponent,
    })
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A whole number that fits: no fraction, no exponent, no leading zero.
fn whole<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if all_digits(digits) && (digits == "0" || !digits.starts_with('0')) {
        text.parse().ok()
    } else {
        None
    }
}

pub(super) fn int2(text: &str) -> Result<Literal<'_>, Invalid> {
    let number = whole::<i16>(text);
    let number = number.ok_or(Invalid::new("is not a whole number from -32768 to 32767"))?;
    Ok(Literal::binary(text, number.to_be_bytes()))
}

pub(super) fn int4(text: &str) -> Result<Literal<'_>, Invalid> {
    let number = whole::<i32>(text);
    let number =
        number.ok_or(Invalid::new("is not a whole number from -2147483648 to 2147483647"))?;
    Ok(Literal::binary(text, number.to_be_bytes()))
}

pub(super) fn int8(text: &str) -> Result<Literal<'_>, Invalid> {
    let number = whole::<i64>(text).ok_or(Invalid::new(
        "is not a whole number from -9223372036854775808 to 9223372036854775807",
    ))?;
    Ok(Literal::binary(text, number.to_be_bytes()))
}

pub(super) fn oid(text: &str) -> Result<Literal<'_>, Invalid> {
    let number = whole::<u32>(text);
    let number = number.ok_or(Invalid::new("is not a whole number from 0 to 4294967295"))?;
    Ok(Literal::binary(text, number.to_be_bytes()))
}

pub(super) fn float4(text: &str) -> Result<Literal<'_>, Invalid> {
    const RANGE: Invalid = Invalid::new("is out of the range of a real");
    let number: f32 = match special(text) {
        #[expect(clippy::cast_possible_truncation, reason = "not a number, or infinite: exact")]
        Some(number) => number as f32,
        None => {
            let parts = decimal(text).ok_or(NOT_NUMBER)?;
            let number: f32 = text.parse().map_err(|_| NOT_NUMBER)?;
            if !number.is_finite() || (number == 0.0 && !parts.is_zero()) {
                return Err(RANGE);
            }
            number
        }
    };
    Ok(Literal::binary(text, number.to_be_bytes()))
}

pub(super) fn float8(text: &str) -> Result<Literal<'_>, Invalid> {
    const RANGE: Invalid = Invalid::new("is out of the range of a double precision");
    let number = match special(text) {
        Some(number) => number,
        None => {
            let parts = decimal(text).ok_or(NOT_NUMBER)?;
            let number: f64 = text.parse().map_err(|_| NOT_NUMBER)?;
            if !number.is_finite() || (number == 0.0 && !parts.is_zero()) {
                return Err(RANGE);
            }
            number
        }
    };
    Ok(Literal::binary(text, number.to_be_bytes()))
}

fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

impl Decimal<'_> {
    fn is_zero(&self) -> bool {
        self.whole.bytes().chain(self.fraction.bytes()).all(|digit| digit == b'0')
    }

    /// Whether PostgreSQL's `numeric` can hold it.
    fn fits_numeric(&self) -> bool {
        // An exponent of more digits than this has no number that fits.
        let Ok(exponent) = self.exponent.parse::<i32>() else { return false };
        let exponent = i64::from(exponent);
        let length = |digits: &str| i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let bound = |bound: usize| i64::try_from(bound).unwrap_or(i64::MAX);
        let before = if self.whole == "0" { 0 } else { length(self.whole) };
        before.saturating_add(exponent) <= bound(MAX_BEFORE)
            && length(self.fraction).saturating_sub(exponent) <= bound(MAX_AFTER)
    }
}

/// Whether `text` is a JSON number that PostgreSQL's `numeric` can hold.
pub(super) fn fits_numeric(text: &str) -> bool {
    decimal(text).is_some_and(|parts| parts.fits_numeric())
}

/// Sent as text: PostgreSQL reads it exactly.
pub(super) fn numeric(text: &str) -> Result<Literal<'_>, Invalid> {
    if special(text).is_none() && !decimal(text).ok_or(NOT_NUMBER)?.fits_numeric() {
        return Err(Invalid::new(
            "has more than 131072 digits before the decimal point or 16383 after it",
        ));
    }
    Ok(Literal::text(text))
}
