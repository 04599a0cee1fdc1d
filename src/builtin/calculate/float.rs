//! Floating-point arithmetic as CPython does it (`Objects/floatobject.c`, `longobject.c`).

use super::work::Outcome;
use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{FromPrimitive, One, Signed, ToPrimitive, Zero};

const INT_TOO_LARGE: &str = "the whole number is too large for a floating-point number";
const RESULT_TOO_LARGE: &str = "the result is too large for a floating-point number";
const DIVISION_BY_ZERO: &str = "division by zero";
const COMPLEX: &str = "the result is a complex number";

/// The whole number that `value` is exactly; nothing when it is not finite or not whole.
pub(super) fn to_integer(value: f64) -> Option<BigInt> {
    (value.is_finite() && value.fract() == 0.0).then(|| BigInt::from_f64(value)).flatten()
}

/// The nearest float, ties to even.
pub(super) fn from_integer(integer: &BigInt) -> Outcome<f64> {
    ratio(integer, &BigInt::one()).ok_or(INT_TOO_LARGE)
}

/// `left / right` of whole numbers, correctly rounded however long they are.
pub(super) fn divide_integers(left: &BigInt, right: &BigInt) -> Outcome<f64> {
    if right.is_zero() {
        return Err(DIVISION_BY_ZERO);
    }
    ratio(left, right).ok_or(RESULT_TOO_LARGE)
}

/// The float nearest to `left / right`, ties to even; nothing when it would be infinite.
fn ratio(left: &BigInt, right: &BigInt) -> Option<f64> {
    let negative = left.is_negative() != right.is_negative();
    let sign = if negative { -1.0 } else { 1.0 };
    let (left, right) = (left.magnitude(), right.magnitude());
    if left.is_zero() {
        return Some(if negative { -0.0 } else { 0.0 });
    }
    // A quotient of 66 or 67 bits, and one more that says whether something was left over.
    let shift = 66 + signed(right.bits()) - signed(left.bits());
    let places = usize::try_from(shift.unsigned_abs()).ok()?;
    let (left, right) =
        if shift >= 0 { (left << places, right.clone()) } else { (left.clone(), right << places) };
    let quotient = &left / &right;
    let rest = left - &quotient * right;
    let quotient = (quotient.to_u128()? << 1) | u128::from(!rest.is_zero());
    let exponent = -(shift + 1);

    // The value lies in [2^(top-1), 2^top): 53 bits of it count, fewer when it is subnormal.
    let bits = 128 - i64::from(quotient.leading_zeros());
    let top = bits + exponent;
    let keep = (top + 1074).min(53);
    if keep < 0 {
        return Some(sign * 0.0);
    }
    let drop = bits - keep;
    let half = 1u128 << (drop - 1);
    let (kept, dropped) = (quotient >> drop, quotient & ((half << 1) - 1));
    let up = dropped > half || (dropped == half && kept & 1 == 1);
    let mantissa = (kept + u128::from(up)).to_f64()?;
    let value = mantissa * power_of_two(exponent + drop)?;
    value.is_finite().then_some(sign * value)
}

fn signed(bits: u64) -> i64 {
    i64::try_from(bits).unwrap_or(i64::MAX)
}

/// 2 to the power of `exponent`, exactly, subnormal too; nothing when it is too large.
fn power_of_two(exponent: i64) -> Option<f64> {
    let exponent = i32::try_from(exponent).ok()?;
    match exponent {
        -1074..=-1023 => Some(f64::from_bits(1 << (exponent + 1074))),
        -1022..=1023 => Some(2f64.powi(exponent)),
        _ => None,
    }
}

/// `left / right`.
pub(super) fn divide(left: f64, right: f64) -> Outcome<f64> {
    if right == 0.0 { Err(DIVISION_BY_ZERO) } else { Ok(left / right) }
}

/// `left // right`: the quotient rounded down.
pub(super) fn floor_divide(left: f64, right: f64) -> Outcome<f64> {
    if right == 0.0 {
        return Err(DIVISION_BY_ZERO);
    }
    let rest = left % right;
    let mut quotient = (left - rest) / right;
    if rest != 0.0 && (right < 0.0) != (rest < 0.0) {
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return Ok(0f64.copysign(left / right));
    }
    let floor = quotient.floor();
    Ok(if quotient - floor > 0.5 { floor + 1.0 } else { floor })
}

/// `left % right`: what is left, with the sign of `right`.
pub(super) fn modulo(left: f64, right: f64) -> Outcome<f64> {
    if right == 0.0 {
        return Err(DIVISION_BY_ZERO);
    }
    let rest = left % right;
    Ok(if rest == 0.0 {
        0f64.copysign(right)
    } else if (right < 0.0) != (rest < 0.0) {
        rest + right
    } else {
        rest
    })
}

/// `base ** exponent` (`float_pow`).
pub(super) fn power(base: f64, exponent: f64) -> Outcome<f64> {
    if base == 0.0 && exponent < 0.0 && exponent.is_finite() {
        return Err("zero cannot be raised to a negative power");
    }
    let plain = base.is_finite() && exponent.is_finite();
    if plain && base < 0.0 && exponent.fract() != 0.0 {
        return Err(COMPLEX);
    }
    let value = base.powf(exponent);
    if plain && value.is_infinite() { Err(RESULT_TOO_LARGE) } else { Ok(value) }
}

/// `round(value, digits)`: ties to even in exact decimal, then the nearest float (`double_round`).
pub(super) fn round(value: f64, digits: i64) -> Outcome<f64> {
    if !value.is_finite() || digits > 323 {
        return Ok(value);
    }
    if digits < -308 || value == 0.0 {
        return Ok(0.0 * value);
    }
    let (mantissa, exponent) = parts(value);
    let scale = BigUint::from(10u8).pow(u32::try_from(digits.unsigned_abs()).unwrap_or(0));
    let mut above = BigUint::from(mantissa);
    let mut below = BigUint::one();
    if digits >= 0 {
        above *= scale;
    } else {
        below *= scale;
    }
    let places = exponent.unsigned_abs();
    if exponent >= 0 {
        above <<= places;
    } else {
        below <<= places;
    }
    let rounded = round_ratio(&above, &below);
    let nearest: f64 = format!("{rounded}e{}", -digits).parse().unwrap_or(f64::NAN);
    if nearest.is_infinite() {
        return Err(RESULT_TOO_LARGE);
    }
    Ok(nearest.copysign(value))
}

/// `above / below` rounded to a whole number, ties to even.
pub(super) fn round_ratio(above: &BigUint, below: &BigUint) -> BigUint {
    let quotient = above / below;
    let twice = (above - &quotient * below) << 1;
    let up = twice > *below || (twice == *below && quotient.bit(0));
    if up { quotient + 1u8 } else { quotient }
}

/// A finite value as `mantissa × 2^exponent`, its sign left out.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or(0);
    if exponent == 0 { (fraction, -1074) } else { (fraction | (1 << 52), exponent - 1075) }
}

/// A whole float as a whole number, for `floor`, `ceil`, `trunc` and `round`.
pub(super) fn whole(value: f64) -> Outcome<BigInt> {
    if value.is_nan() {
        return Err("nan is not a number");
    }
    to_integer(value).ok_or("an infinite number has no whole part")
}

/// Gives the magnitude the sign.
pub(super) fn with_sign(negative: bool, magnitude: BigUint) -> BigInt {
    BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, magnitude)
}
