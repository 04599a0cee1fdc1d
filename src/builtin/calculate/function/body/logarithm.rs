//! Logarithms, of whole numbers past the largest float too (`loghelper` in CPython).

use super::{ARGUMENTS, Number, Outcome, UNDEFINED, Work, float, one};
use num_traits::{Signed, ToPrimitive};

pub(in super::super) fn to_2(arguments: Vec<Number>, _: &mut Work) -> Outcome<Number> {
    logarithm(&one(arguments)?, f64::log2).map(Number::Float)
}

pub(in super::super) fn to_10(arguments: Vec<Number>, _: &mut Work) -> Outcome<Number> {
    logarithm(&one(arguments)?, f64::log10).map(Number::Float)
}

/// `log(number)`, `log(number, base)`, and `ln(number)`.
pub(in super::super) fn to_base(arguments: Vec<Number>, _: &mut Work) -> Outcome<Number> {
    let mut arguments = arguments.into_iter();
    let number = logarithm(&arguments.next().ok_or(ARGUMENTS)?, f64::ln)?;
    match arguments.next() {
        None => Ok(Number::Float(number)),
        Some(base) => float::divide(number, logarithm(&base, f64::ln)?).map(Number::Float),
    }
}

fn logarithm(number: &Number, of: fn(f64) -> f64) -> Outcome<f64> {
    let value = match (number.to_float(), number) {
        (Ok(value), _) => value,
        (Err(_), Number::Int(integer)) if integer.is_positive() => {
            // log(m × 2^e) is log(m) + e × log(2), with m in [0.5, 1).
            let bits = integer.bits();
            let top = integer.magnitude() >> bits.saturating_sub(64);
            let mantissa = top.to_f64().unwrap_or(f64::NAN) / 2f64.powi(64);
            return Ok(of(mantissa) + of(2.0) * bits.to_f64().unwrap_or(f64::NAN));
        }
        (Err(_), _) => return Err(UNDEFINED),
    };
    // Zero too: Python has no logarithm of it.
    if value <= 0.0 { Err(UNDEFINED) } else { Ok(of(value)) }
}
