//! What the functions do that are no plain function of real or whole numbers.

pub(super) mod extremes;
pub(super) mod logarithm;

use super::super::{
    arithmetic, float, integer,
    number::Number,
    tree::Operator,
    work::{Outcome, Work},
};
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};

/// Not reached: the parser has counted the arguments.
pub(super) const ARGUMENTS: &str = "the function takes another number of arguments";
const UNDEFINED: &str = "the function is not defined for this number";
const TOO_LARGE: &str = "the result is too large for a floating-point number";

/// What it means when a function gives infinity for a finite number (`math_1` in CPython).
#[derive(Clone, Copy, Debug)]
pub(super) enum Infinite {
    /// The function has a pole there.
    Undefined,
    /// The result is past the largest float.
    TooLarge,
    /// Nothing: it is the result.
    Kept,
}

impl Infinite {
    pub(super) fn check(self, argument: f64, result: f64) -> Outcome<f64> {
        match self {
            _ if result.is_nan() && !argument.is_nan() => Err(UNDEFINED),
            Self::Undefined if result.is_infinite() && argument.is_finite() => Err(UNDEFINED),
            Self::TooLarge if result.is_infinite() && argument.is_finite() => Err(TOO_LARGE),
            _ => Ok(result),
        }
    }
}

pub(super) fn one(arguments: Vec<Number>) -> Outcome<Number> {
    arguments.into_iter().next().ok_or(ARGUMENTS)
}

pub(super) fn two(arguments: Vec<Number>) -> Outcome<(Number, Number)> {
    let mut arguments = arguments.into_iter();
    arguments.next().zip(arguments.next()).ok_or(ARGUMENTS)
}

pub(super) fn integer(number: Number) -> Outcome<BigInt> {
    number.into_integer().map_err(|_| "this function takes whole numbers only")
}

pub(super) fn absolute(arguments: Vec<Number>, _: &mut Work) -> Outcome<Number> {
    Ok(match one(arguments)?.into_integer() {
        Ok(integer) => Number::Int(integer.abs()),
        Err(value) => Number::Float(value.abs()),
    })
}

/// Past this, `x² + 1` and `x² − 1` are `x²` to the last bit, and the inverse hyperbolic functions
/// are `ln(2x)` (fdlibm, `s_asinh.c`); those of the standard library overflow on the way.
const LARGE: f64 = 268_435_456.0; // 2^28

pub(super) fn asinh(value: f64) -> f64 {
    if value.is_finite() && value.abs() > LARGE {
        (value.abs().ln() + std::f64::consts::LN_2).copysign(value)
    } else {
        value.asinh()
    }
}

pub(super) fn acosh(value: f64) -> f64 {
    if value.is_finite() && value > LARGE {
        value.ln() + std::f64::consts::LN_2
    } else {
        value.acosh()
    }
}

/// `x × (180 / π)`, in this order as CPython.
pub(super) fn degrees(radians: f64) -> f64 {
    radians * (180.0 / std::f64::consts::PI)
}

/// `x × (π / 180)`, in this order as CPython.
pub(super) fn radians(degrees: f64) -> f64 {
    degrees * (std::f64::consts::PI / 180.0)
}

/// `round(number)` to the nearest whole number, `round(number, digits)` to a decimal; ties to even.
pub(super) fn round(arguments: Vec<Number>, work: &mut Work) -> Outcome<Number> {
    let mut arguments = arguments.into_iter();
    let number = arguments.next().ok_or(ARGUMENTS)?.into_integer();
    let digits = arguments.next().map(integer).transpose()?;
    match (number, digits) {
        (Ok(number), None) => Ok(Number::Int(number)),
        (Ok(number), Some(digits)) => integer::round(&number, &digits, work).map(Number::Int),
        (Err(value), None) => float::whole(value.round_ties_even()).map(Number::Int),
        (Err(value), Some(digits)) => {
            work.pay(2200, 2200)?;
            let extreme = if digits.is_negative() { i64::MIN } else { i64::MAX };
            float::round(value, digits.to_i64().unwrap_or(extreme)).map(Number::Float)
        }
    }
}

/// `pow(base, exponent)`, which is `base ** exponent`, and `pow(base, exponent, modulus)`.
pub(super) fn power(arguments: Vec<Number>, work: &mut Work) -> Outcome<Number> {
    let mut rest = arguments.into_iter();
    let (base, exponent) = rest.next().zip(rest.next()).ok_or(ARGUMENTS)?;
    let Some(modulus) = rest.next() else {
        return arithmetic::apply(Operator::Power, base, exponent, work);
    };
    let (base, exponent, modulus) = (integer(base)?, integer(exponent)?, integer(modulus)?);
    integer::power_modulo(&base, &exponent, &modulus, work).map(Number::Int)
}

/// `perm(number, chosen)`; `perm(number)` is `factorial(number)`.
pub(super) fn permutations(arguments: Vec<Number>, work: &mut Work) -> Outcome<Number> {
    let mut arguments = arguments.into_iter();
    let number = integer(arguments.next().ok_or(ARGUMENTS)?)?;
    let result = match arguments.next() {
        Some(chosen) => integer::permutations(&number, &integer(chosen)?, work),
        None => integer::factorial(&number, work),
    };
    result.map(Number::Int)
}
