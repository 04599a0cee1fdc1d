//! `calculate`: the value of an arithmetic expression, as Python 3 would print it.
//!
//! Owns the language (Python's numbers, operators, precedence and formatting, and the functions of
//! a scientific calculator) and its bounds. Does not own the request. Nothing but arithmetic can be
//! written in it: a name is looked up in a closed list, and there is no attribute, index, string or
//! assignment to reach anything else with.

mod arithmetic;
mod float;
mod format;
mod function;
mod integer;
mod lexer;
mod number;
mod parser;
mod tree;
mod work;

#[cfg(test)]
mod tests;

use crate::problem::{Code, Problem};
use std::borrow::Cow;

/// The longest expression, in characters.
pub const MAX_CHARACTERS: usize = 1000;
/// How deep parentheses, calls, signs and powers may nest.
pub const MAX_DEPTH: usize = 100;
/// The most decimal digits of a whole number, in the result and on the way to it.
pub const MAX_DIGITS: u32 = 10_000;
/// The most binary digits: what [`MAX_DIGITS`] nines take.
const MAX_BITS: u64 = 33_220;
/// The most work, in steps of 64 × 64 bits: some 50 ms on an ordinary machine.
const MAX_WORK: u64 = 20_000_000;

/// What is wrong, and at which character (from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    column: usize,
    why: Cow<'static, str>,
}

impl Fault {
    fn new(column: usize, why: impl Into<Cow<'static, str>>) -> Self {
        Self { column, why: why.into() }
    }
}

/// The value of `expression`, as Python's `repr` writes it: `7/2` is `3.5`, `-2**2` is `-4`.
///
/// # Errors
/// A problem with the code [`Code::Expression`], whose detail says at which character (from 1) and
/// why; it never repeats the expression.
pub fn evaluate(expression: &str) -> Result<String, Problem> {
    value_of(expression).map(|value| format::repr(&value)).map_err(|fault| {
        Problem::new(Code::Expression)
            .detail(format!("At character {}: {}.", fault.column, fault.why))
    })
}

fn value_of(expression: &str) -> Result<number::Number, Fault> {
    if expression.chars().nth(MAX_CHARACTERS).is_some() {
        return Err(Fault::new(
            MAX_CHARACTERS + 1,
            "the expression is longer than 1,000 characters",
        ));
    }
    let tokens = lexer::tokens(expression)?;
    let tree = parser::parse(&tokens)?;
    tree.value(&mut work::Work::new(MAX_WORK))
}
