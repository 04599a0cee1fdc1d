//! Exact numbers as scaled integers.

use crate::value::{Malformed, wire::Wire};

/// The most decimal digits of a `Decimal128`.
const MOST_DIGITS: i32 = 38;

/// The precision and scale that a column's modifier states, when a `Decimal128` has them. The form of
/// the modifier is that of PostgreSQL's `numerictypmodin`.
pub(super) fn declared(modifier: i32) -> Option<(u8, i8)> {
    let packed = modifier.checked_sub(4).filter(|it| *it >= 0)?;
    let precision = (packed >> 16) & 0xffff;
    // From PostgreSQL 15 on, a scale has 11 bits and a sign.
    let scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
    if !(1..=MOST_DIGITS).contains(&precision) || !(0..=precision).contains(&scale) {
        return None;
    }
    Some((u8::try_from(precision).ok()?, i8::try_from(scale).ok()?))
}

/// A `numeric` times ten to the power of `scale`. The form is that of PostgreSQL's `numeric_send`.
pub(super) fn scaled(bytes: &[u8], scale: i8) -> Result<i128, Malformed> {
    const WHAT: &str = "numeric of the column's precision";
    let mut wire = Wire::new(bytes, WHAT);
    let count = wire.i16()?;
    let weight = wire.i16()?;
    let sign = wire.u16()?;
    let _shown = wire.u16()?;
    let mut number = 0_i128;
    for _ in 0..count {
        let digit = i128::from(wire.u16()?);
        number = number
            .checked_mul(10_000)
            .and_then(|it| it.checked_add(digit))
            .ok_or(Malformed::new(WHAT))?;
    }
    wire.end()?;
    // The last digit counts ten thousand to the power of `weight - count + 1`.
    let power = (i32::from(weight) - i32::from(count) + 1) * 4 + i32::from(scale);
    let factor = 10_i128.checked_pow(power.unsigned_abs());
    let number = match (number, factor) {
        (0, _) => 0,
        (number, Some(factor)) if power >= 0 => {
            number.checked_mul(factor).ok_or(Malformed::new(WHAT))?
        }
        (number, Some(factor)) if number % factor == 0 => number / factor,
        _ => return Err(Malformed::new(WHAT)),
    };
    match sign {
        0 => Ok(number),
        0x4000 => Ok(-number),
        _ => Err(Malformed::new(WHAT)),
    }
}
