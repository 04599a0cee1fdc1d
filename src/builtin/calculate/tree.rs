//! The tree of an expression, and its value.

use super::{Fault, arithmetic, function::Function, number::Number, work::Work};
use std::cmp::Ordering;

/// A part of an expression and its first character, from 1.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) column: usize,
    pub(super) node: Node,
}

/// What a part is.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Number(Number),
    Signed {
        negative: bool,
        operand: Box<Tree>,
    },
    /// Worked off from the left; each operator with its place.
    Chain(Box<Tree>, Vec<(Operator, usize, Tree)>),
    /// Each holds between its neighbours: `1 < 2 < 3`.
    Comparison(Box<Tree>, Vec<(Comparison, Tree)>),
    Call(&'static Function, Vec<Tree>),
}

/// An operator between two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
}

impl Operator {
    pub(super) const SUM: [(&'static str, Self); 2] = [("+", Self::Add), ("-", Self::Subtract)];
    pub(super) const PRODUCT: [(&'static str, Self); 4] = [
        ("*", Self::Multiply),
        ("/", Self::Divide),
        ("//", Self::FloorDivide),
        ("%", Self::Modulo),
    ];
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Comparison {
    pub(super) const SYMBOLS: [(&'static str, Self); 6] = [
        ("<", Self::Less),
        ("<=", Self::LessOrEqual),
        (">", Self::Greater),
        (">=", Self::GreaterOrEqual),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
    ];

    /// Whether it holds; with NaN only `!=` does.
    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
        }
    }
}

impl Tree {
    /// The value. What a comparison does not reach is not calculated, as in Python.
    pub(super) fn value(&self, work: &mut Work) -> Result<Number, Fault> {
        let at = |column: usize| move |why: &'static str| Fault::new(column, why);
        work.pay_steps(1).map_err(at(self.column))?;
        match &self.node {
            Node::Number(number) => Ok(number.clone()),
            Node::Signed { negative, operand } => {
                let operand = operand.value(work)?;
                Ok(match (operand.into_integer(), negative) {
                    (Ok(integer), true) => Number::Int(-integer),
                    (Ok(integer), false) => Number::Int(integer),
                    (Err(float), true) => Number::Float(-float),
                    (Err(float), false) => Number::Float(float),
                })
            }
            Node::Chain(first, rest) => {
                let mut left = first.value(work)?;
                for (operator, column, right) in rest {
                    let right = right.value(work)?;
                    left = arithmetic::apply(*operator, left, right, work).map_err(at(*column))?;
                }
                Ok(left)
            }
            Node::Comparison(first, rest) => {
                let mut left = first.value(work)?;
                for (comparison, right) in rest {
                    let right = right.value(work)?;
                    if !comparison.holds(left.compare(&right)) {
                        return Ok(Number::Bool(false));
                    }
                    left = right;
                }
                Ok(Number::Bool(true))
            }
            Node::Call(function, arguments) => {
                let arguments = arguments
                    .iter()
                    .map(|argument| argument.value(work))
                    .collect::<Result<Vec<_>, _>>()?;
                function.call(arguments, work).map_err(at(self.column))
            }
        }
    }
}
