//! The closed list of functions: Python's built-in ones and those of its `math` module.

mod body;

use super::{
    integer,
    number::Number,
    work::{Outcome, Work},
};
use body::{Infinite, degrees, extremes, logarithm, permutations, power, radians, round};
use num_bigint::BigInt;

/// A function that an expression may call.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The fewest and the most arguments it takes.
    count: (usize, usize),
    body: Body,
}

/// What a function takes, and what it does with it.
enum Body {
    /// One number as a float, and what an infinite result of a finite one means.
    Real(fn(f64) -> f64, Infinite),
    /// Floats, two at a time.
    Reals(fn(f64, f64) -> f64),
    /// A number, rounded to a whole one.
    Whole(fn(f64) -> f64),
    /// One whole number.
    Integer(fn(&BigInt, &mut Work) -> Outcome<BigInt>),
    /// Two whole numbers.
    Integers(fn(&BigInt, &BigInt, &mut Work) -> Outcome<BigInt>),
    /// Whole numbers one after the other, beginning with a neutral one.
    Fold(u8, fn(&BigInt, &BigInt, &mut Work) -> Outcome<BigInt>),
    /// Numbers of any kind.
    Numbers(fn(Vec<Number>, &mut Work) -> Outcome<Number>),
}

const ANY: usize = usize::MAX;

const fn function(name: &'static str, least: usize, most: usize, body: Body) -> Function {
    Function { name, count: (least, most), body }
}

/// A function of a real number that is finite where it is defined.
const fn real(name: &'static str, body: fn(f64) -> f64) -> Function {
    function(name, 1, 1, Body::Real(body, Infinite::Undefined))
}

/// A function of a real number that grows past every float.
const fn growing(name: &'static str, body: fn(f64) -> f64) -> Function {
    function(name, 1, 1, Body::Real(body, Infinite::TooLarge))
}

/// In the order of the documentation.
static FUNCTIONS: [Function; 37] = [
    function("abs", 1, 1, Body::Numbers(body::absolute)),
    function("round", 1, 2, Body::Numbers(round)),
    function("floor", 1, 1, Body::Whole(f64::floor)),
    function("ceil", 1, 1, Body::Whole(f64::ceil)),
    function("trunc", 1, 1, Body::Whole(f64::trunc)),
    function("min", 2, ANY, Body::Numbers(extremes::least)),
    function("max", 2, ANY, Body::Numbers(extremes::greatest)),
    function("pow", 2, 3, Body::Numbers(power)),
    real("sqrt", f64::sqrt),
    real("cbrt", f64::cbrt),
    growing("exp", f64::exp),
    function("log", 1, 2, Body::Numbers(logarithm::to_base)),
    function("ln", 1, 1, Body::Numbers(logarithm::to_base)),
    function("log2", 1, 1, Body::Numbers(logarithm::to_2)),
    function("log10", 1, 1, Body::Numbers(logarithm::to_10)),
    real("sin", f64::sin),
    real("cos", f64::cos),
    real("tan", f64::tan),
    real("asin", f64::asin),
    real("acos", f64::acos),
    real("atan", f64::atan),
    function("atan2", 2, 2, Body::Reals(f64::atan2)),
    growing("sinh", f64::sinh),
    growing("cosh", f64::cosh),
    real("tanh", f64::tanh),
    real("asinh", body::asinh),
    real("acosh", body::acosh),
    real("atanh", f64::atanh),
    function("hypot", 2, ANY, Body::Reals(f64::hypot)),
    function("degrees", 1, 1, Body::Real(degrees, Infinite::Kept)),
    function("radians", 1, 1, Body::Real(radians, Infinite::Kept)),
    function("factorial", 1, 1, Body::Integer(integer::factorial)),
    function("comb", 2, 2, Body::Integers(integer::combinations)),
    function("perm", 1, 2, Body::Numbers(permutations)),
    function("gcd", 1, ANY, Body::Fold(0, integer::gcd)),
    function("lcm", 1, ANY, Body::Fold(1, integer::lcm)),
    function("isqrt", 1, 1, Body::Integer(integer::square_root)),
];

impl std::fmt::Debug for Function {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Function {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        FUNCTIONS.iter().map(|function| function.name)
    }

    /// Whether it takes so many arguments, or what is wrong.
    pub(super) fn check_count(&self, count: usize) -> Result<(), String> {
        let (least, most) = self.count;
        if (least..=most).contains(&count) {
            return Ok(());
        }
        let arguments = if least == 1 && most == 1 { "argument" } else { "arguments" };
        let wanted = match most {
            ANY => format!("{least} or more"),
            _ if least == most => least.to_string(),
            _ => format!("{least} or {most}"),
        };
        Err(format!("`{}` takes {wanted} {arguments}, not {count}", self.name))
    }

    /// What it gives for as many arguments as it takes.
    pub(super) fn call(&self, arguments: Vec<Number>, work: &mut Work) -> Outcome<Number> {
        match self.body {
            Body::Numbers(body) => body(arguments, work),
            Body::Real(body, infinite) => {
                let argument = body::one(arguments)?.to_float()?;
                infinite.check(argument, body(argument)).map(Number::Float)
            }
            Body::Reals(body) => {
                let floats = arguments.iter().map(Number::to_float).collect::<Outcome<Vec<_>>>()?;
                floats.into_iter().reduce(body).map(Number::Float).ok_or(body::ARGUMENTS)
            }
            Body::Whole(body) => match body::one(arguments)?.into_integer() {
                Ok(integer) => Ok(Number::Int(integer)),
                Err(value) => super::float::whole(body(value)).map(Number::Int),
            },
            Body::Integer(body) => {
                body(&body::integer(body::one(arguments)?)?, work).map(Number::Int)
            }
            Body::Integers(body) => {
                let (left, right) = body::two(arguments)?;
                body(&body::integer(left)?, &body::integer(right)?, work).map(Number::Int)
            }
            Body::Fold(neutral, body) => {
                let mut result = BigInt::from(neutral);
                for argument in arguments {
                    result = body(&result, &body::integer(argument)?, work)?;
                }
                Ok(Number::Int(result))
            }
        }
    }
}
