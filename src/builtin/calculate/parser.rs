//! From tokens to a tree, with Python's precedence (Python language reference, §6.17):
//!
//! ```text
//! comparison = sum { ("<" | "<=" | ">" | ">=" | "==" | "!=") sum }
//! sum        = product { ("+" | "-") product }
//! product    = signed { ("*" | "/" | "//" | "%") signed }
//! signed     = ("+" | "-") signed | power
//! power      = atom [ "**" signed ]
//! atom       = number | constant | function "(" [ comparison { "," comparison } [","] ] ")"
//!            | "(" comparison ")"
//! ```

use super::{
    Fault, MAX_DEPTH,
    function::Function,
    lexer::{Placed, Token},
    number::Number,
    tree::{Comparison, Node, Operator, Tree},
};
use crate::name;
use std::borrow::Cow;

/// The tree of a whole expression.
pub(super) fn parse(tokens: &[Placed<'_>]) -> Result<Tree, Fault> {
    let mut parser = Parser { tokens, next: 0, depth: 0 };
    if tokens.len() <= 1 {
        return Err(parser.fault("the expression is empty"));
    }
    let tree = parser.comparison()?;
    match parser.token() {
        Token::End => Ok(tree),
        Token::Symbol(")") => Err(parser.fault("this parenthesis was never opened")),
        Token::Symbol(",") => Err(parser.fault("a comma stands only between arguments")),
        Token::Symbol("(") => Err(parser.fault(
            "an operator is missing before this parenthesis, or what stands there is no function",
        )),
        found => Err(parser.fault(format!(
            "an operator is missing before {found} (in a URL, `+` is written %2B)"
        ))),
    }
}

struct Parser<'t, 'e> {
    tokens: &'t [Placed<'e>],
    next: usize,
    depth: usize,
}

impl<'t, 'e> Parser<'t, 'e> {
    fn token(&self) -> &'t Token<'e> {
        self.tokens.get(self.next).map_or(&Token::End, |placed| &placed.token)
    }

    /// The character where the next token begins.
    fn column(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(1, |placed| placed.column)
    }

    fn fault(&self, why: impl Into<Cow<'static, str>>) -> Fault {
        Fault::new(self.column(), why)
    }

    /// Takes the symbol that comes next, when it is one of `known`.
    fn take<T: Copy>(&mut self, known: &[(&str, T)]) -> Option<(T, usize)> {
        let Token::Symbol(symbol) = self.token() else { return None };
        let (_, meaning) = known.iter().find(|(name, _)| name == symbol)?;
        let column = self.column();
        self.next += 1;
        Some((*meaning, column))
    }

    fn comparison(&mut self) -> Result<Tree, Fault> {
        let column = self.column();
        let first = self.sum()?;
        let mut rest = Vec::new();
        while let Some((comparison, _)) = self.take(&Comparison::SYMBOLS) {
            rest.push((comparison, self.sum()?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Tree { column, node: Node::Comparison(Box::new(first), rest) })
    }

    fn sum(&mut self) -> Result<Tree, Fault> {
        self.chain(&Operator::SUM, Self::product)
    }

    fn product(&mut self) -> Result<Tree, Fault> {
        self.chain(&Operator::PRODUCT, Self::signed)
    }

    /// Operands with operators of one rank between them, to be worked off from the left. One node
    /// holds them all: a long sum is not a deep one.
    fn chain(
        &mut self,
        operators: &[(&str, Operator)],
        operand: fn(&mut Self) -> Result<Tree, Fault>,
    ) -> Result<Tree, Fault> {
        let column = self.column();
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some((operator, at)) = self.take(operators) {
            rest.push((operator, at, operand(self)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Tree { column, node: Node::Chain(Box::new(first), rest) })
    }

    fn signed(&mut self) -> Result<Tree, Fault> {
        let Some((negative, column)) = self.take(&[("+", false), ("-", true)]) else {
            return self.power();
        };
        let operand = Box::new(self.nested(Self::signed)?);
        Ok(Tree { column, node: Node::Signed { negative, operand } })
    }

    fn power(&mut self) -> Result<Tree, Fault> {
        let base = self.atom()?;
        let Some((operator, at)) = self.take(&[("**", Operator::Power)]) else { return Ok(base) };
        let exponent = self.nested(Self::signed)?;
        let column = base.column;
        Ok(Tree { column, node: Node::Chain(Box::new(base), vec![(operator, at, exponent)]) })
    }

    fn atom(&mut self) -> Result<Tree, Fault> {
        let column = self.column();
        match self.token() {
            Token::Number(number) => {
                self.next += 1;
                Ok(Tree { column, node: Node::Number(number.clone()) })
            }
            Token::Name(name) => self.name(name),
            Token::Symbol("(") => {
                self.next += 1;
                let inner = self.nested(Self::comparison)?;
                self.close(column)?;
                Ok(inner)
            }
            found => Err(self.fault(format!("a number is missing before {found}"))),
        }
    }

    fn name(&mut self, name: &str) -> Result<Tree, Fault> {
        let column = self.column();
        if let Some(number) = constant(name) {
            self.next += 1;
            return Ok(Tree { column, node: Node::Number(number) });
        }
        let Some(function) = Function::named(name) else {
            let known = Function::names().chain(CONSTANTS);
            return Err(self.fault(match name::nearest(name, known) {
                Some(near) => format!("this name is not known; the nearest is `{near}`").into(),
                None => Cow::Borrowed("this name is not known"),
            }));
        };
        self.next += 1;
        let open = self.column();
        if self.take(&[("(", ())]).is_none() {
            return Err(
                self.fault(format!("`{}` takes its arguments in parentheses", function.name))
            );
        }
        let mut arguments = Vec::new();
        while *self.token() != Token::Symbol(")") {
            arguments.push(self.nested(Self::comparison)?);
            if self.take(&[(",", ())]).is_none() {
                break;
            }
        }
        self.close(open)?;
        function.check_count(arguments.len()).map_err(|why| Fault::new(column, why))?;
        Ok(Tree { column, node: Node::Call(function, arguments) })
    }

    fn close(&mut self, opened: usize) -> Result<(), Fault> {
        if self.take(&[(")", ())]).is_some() {
            return Ok(());
        }
        match self.token() {
            Token::End => Err(Fault::new(opened, "this parenthesis is not closed")),
            Token::Symbol(",") => Err(self.fault("a comma stands only between arguments")),
            found => Err(self.fault(format!("an operator or `)` is missing before {found}"))),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Tree, Fault>) -> Result<Tree, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(self.fault("the expression is nested deeper than 100 levels"));
        }
        self.depth += 1;
        let tree = read(self);
        self.depth -= 1;
        tree
    }
}

const CONSTANTS: [&str; 7] = ["pi", "e", "tau", "inf", "nan", "True", "False"];

fn constant(name: &str) -> Option<Number> {
    Some(match name {
        "pi" => Number::Float(std::f64::consts::PI),
        "e" => Number::Float(std::f64::consts::E),
        "tau" => Number::Float(std::f64::consts::TAU),
        "inf" => Number::Float(f64::INFINITY),
        "nan" => Number::Float(f64::NAN),
        "True" => Number::Bool(true),
        "False" => Number::Bool(false),
        _ => return None,
    })
}
