//! Operators: which arithmetic two numbers meet in.

use super::{
    float, integer,
    number::{Number, Pair},
    tree::Operator,
    work::{Outcome, Work},
};
use num_traits::Signed;

/// `left operator right`.
pub(super) fn apply(
    operator: Operator,
    left: Number,
    right: Number,
    work: &mut Work,
) -> Outcome<Number> {
    Ok(match left.meet(right)? {
        Pair::Floats(left, right) => Number::Float(match operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide => float::divide(left, right)?,
            Operator::FloorDivide => float::floor_divide(left, right)?,
            Operator::Modulo => float::modulo(left, right)?,
            Operator::Power => float::power(left, right)?,
        }),
        Pair::Ints(left, right) => Number::Int(match operator {
            Operator::Add => integer::add(&left, &right, work)?,
            Operator::Subtract => integer::subtract(&left, &right, work)?,
            Operator::Multiply => integer::multiply(&left, &right, work)?,
            Operator::FloorDivide => integer::divide_floor(&left, &right, work)?.0,
            Operator::Modulo => integer::divide_floor(&left, &right, work)?.1,
            Operator::Power if !right.is_negative() => integer::power(&left, &right, work)?,
            Operator::Divide => {
                work.pay(left.bits(), right.bits())?;
                return float::divide_integers(&left, &right).map(Number::Float);
            }
            Operator::Power => {
                let (left, right) = (float::from_integer(&left)?, float::from_integer(&right)?);
                return float::power(left, right).map(Number::Float);
            }
        }),
    })
}
