//! Python's three kinds of number, and how they meet.

use super::{float, work::Outcome};
use num_bigint::BigInt;
use num_traits::Zero;
use std::cmp::Ordering;

/// A value: what a literal, a name or an operation gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    /// What a comparison gives; counts as 0 or 1.
    Bool(bool),
    /// A whole number of any length within the bounds.
    Int(BigInt),
    /// IEEE 754 binary64.
    Float(f64),
}

/// Two numbers of one kind: whole when both were, else floating.
pub(super) enum Pair {
    Ints(BigInt, BigInt),
    Floats(f64, f64),
}

impl Number {
    /// The whole number that a Bool or Int is.
    pub(super) fn into_integer(self) -> Result<BigInt, f64> {
        match self {
            Self::Bool(truth) => Ok(BigInt::from(u8::from(truth))),
            Self::Int(integer) => Ok(integer),
            Self::Float(float) => Err(float),
        }
    }

    /// As a float, rounded to the nearest; refused when none is near.
    pub(super) fn to_float(&self) -> Outcome<f64> {
        match self {
            Self::Bool(truth) => Ok(f64::from(u8::from(*truth))),
            Self::Int(integer) => float::from_integer(integer),
            Self::Float(float) => Ok(*float),
        }
    }

    /// Both as one kind.
    pub(super) fn meet(self, other: Self) -> Outcome<Pair> {
        Ok(match (self.into_integer(), other.into_integer()) {
            (Ok(left), Ok(right)) => Pair::Ints(left, right),
            (Ok(left), Err(right)) => Pair::Floats(float::from_integer(&left)?, right),
            (Err(left), Ok(right)) => Pair::Floats(left, float::from_integer(&right)?),
            (Err(left), Err(right)) => Pair::Floats(left, right),
        })
    }

    /// How two numbers compare, exactly, however long they are; nothing when one is NaN.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self.clone().into_integer(), other.clone().into_integer()) {
            (Ok(left), Ok(right)) => Some(left.cmp(&right)),
            (Ok(left), Err(right)) => compare_exactly(&left, right),
            (Err(left), Ok(right)) => compare_exactly(&right, left).map(Ordering::reverse),
            (Err(left), Err(right)) => left.partial_cmp(&right),
        }
    }
}

fn compare_exactly(integer: &BigInt, other: f64) -> Option<Ordering> {
    if other.is_nan() {
        return None;
    }
    let Some(whole) = float::to_integer(other.trunc()) else {
        return Some(if other > 0.0 { Ordering::Less } else { Ordering::Greater });
    };
    let fraction = other.fract();
    Some(integer.cmp(&whole).then_with(|| {
        if fraction.is_zero() {
            Ordering::Equal
        } else if fraction > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        }
    }))
}
