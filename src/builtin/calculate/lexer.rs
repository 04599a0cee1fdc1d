//! From characters to tokens: Python's number literals, names and operators (Python language
//! reference, §2.6 and §2.7), ASCII alone.

use super::{Fault, number::Number};
use num_bigint::BigInt;
use std::fmt;

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'e> {
    Number(Number),
    Name(&'e str),
    /// An operator, a parenthesis or a comma.
    Symbol(&'static str),
    End,
}

/// A token and its first character, from 1.
#[derive(Clone, Debug)]
pub(super) struct Placed<'e> {
    pub(super) token: Token<'e>,
    pub(super) column: usize,
}

/// Longest first, so that `**` is not two `*`.
const SYMBOLS: [&str; 16] =
    ["**", "//", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "<", ">", "(", ")", ","];

/// What a person may have meant by a symbol that is none.
const HINTS: [(&str, &str); 8] = [
    ("^", "`^` is not an operator here; `**` raises to a power"),
    ("=", "`=` is not an operator here; `==` compares"),
    ("<>", "`<>` is not an operator here; `!=` compares"),
    ("!", "`!` is not an operator here; `factorial(n)` is n!"),
    ("×", "`×` is not an operator here; `*` multiplies"),
    ("÷", "`÷` is not an operator here; `/` divides"),
    ("−", "this is a typographic minus sign; `-` subtracts"),
    ("[", "square brackets are not used here; parentheses group"),
];

impl fmt::Display for Token<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(_) => formatter.write_str("a number"),
            Self::Name(_) => formatter.write_str("a name"),
            Self::Symbol(symbol) => write!(formatter, "`{symbol}`"),
            Self::End => formatter.write_str("the end"),
        }
    }
}

/// The tokens of `text`, the last of them [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Placed<'_>>, Fault> {
    let mut tokens = Vec::new();
    let (mut rest, mut column) = (text, 1);
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t']);
        column += rest.len() - trimmed.len();
        rest = trimmed;
        let Some(first) = rest.chars().next() else {
            tokens.push(Placed { token: Token::End, column });
            return Ok(tokens);
        };
        let (token, after) = one(rest, first).map_err(|why| Fault::new(column, why))?;
        tokens.push(Placed { token, column });
        // Tokens are ASCII, so their bytes are their characters.
        column += rest.len() - after.len();
        rest = after;
    }
}

fn one(rest: &str, first: char) -> Result<(Token<'_>, &str), &'static str> {
    let second = rest.chars().nth(1);
    if first.is_ascii_digit() || (first == '.' && second.is_some_and(|it| it.is_ascii_digit())) {
        return number(rest).map(|(number, after)| (Token::Number(number), after));
    }
    if is_word(first) {
        let (name, after) = rest.split_at(rest.find(|it| !is_word(it)).unwrap_or(rest.len()));
        return Ok((Token::Name(name), after));
    }
    if !rest.starts_with("<>")
        && let Some((symbol, after)) = SYMBOLS
            .iter()
            .find_map(|symbol| rest.strip_prefix(symbol).map(|after| (*symbol, after)))
    {
        return Ok((Token::Symbol(symbol), after));
    }
    let hint = HINTS.iter().find(|(symbol, _)| rest.starts_with(symbol));
    Err(hint.map_or("this character has no meaning here", |(_, why)| *why))
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

const DIGITS: &str = "a number's digits are wrong; `_` may stand between two digits only";

fn number(text: &str) -> Result<(Number, &str), &'static str> {
    let (number, after) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => with_base(text, 16)?,
        [b'0', b'o' | b'O', ..] => with_base(text, 8)?,
        [b'0', b'b' | b'B', ..] => with_base(text, 2)?,
        _ => decimal(text)?,
    };
    match after.chars().next() {
        Some('j' | 'J') => Err("complex numbers are not calculated"),
        Some(next) if is_word(next) => Err("a number runs into a letter, digit or underscore"),
        _ => Ok((number, after)),
    }
}

/// `0x_1f`, `0o17`, `0b1010`.
fn with_base(text: &str, base: u32) -> Result<(Number, &str), &'static str> {
    let text = text.get(2..).unwrap_or_default();
    let (digits, after) = digits(text.strip_prefix('_').unwrap_or(text), base).ok_or(DIGITS)?;
    let integer = BigInt::parse_bytes(digits.as_bytes(), base).ok_or(DIGITS)?;
    Ok((Number::Int(integer), after))
}

/// `10`, `1_000`, `1.`, `.5`, `1e3`.
fn decimal(text: &str) -> Result<(Number, &str), &'static str> {
    let (mut literal, mut after) = digits(text, 10).unwrap_or((String::new(), text));
    let mut whole = true;
    if let Some(rest) = after.strip_prefix('.') {
        whole = false;
        literal.push('.');
        after = rest;
        if let Some((fraction, rest)) = digits(after, 10) {
            literal.push_str(&fraction);
            after = rest;
        }
    }
    if let Some(rest) = after.strip_prefix(['e', 'E']) {
        whole = false;
        let (sign, rest) = match rest.strip_prefix(['+', '-']) {
            Some(unsigned) => (rest.get(..1).unwrap_or_default(), unsigned),
            None => ("", rest),
        };
        let (exponent, rest) = digits(rest, 10).ok_or("the exponent of a number has no digits")?;
        literal = format!("{literal}e{sign}{exponent}");
        after = rest;
    }
    if !whole {
        return Ok((Number::Float(literal.parse().map_err(|_| DIGITS)?), after));
    }
    if literal.starts_with('0') && literal.bytes().any(|digit| digit != b'0') {
        return Err("a whole number does not begin with 0; octal numbers begin with `0o`");
    }
    let integer = BigInt::parse_bytes(literal.as_bytes(), 10).ok_or(DIGITS)?;
    Ok((Number::Int(integer), after))
}

/// The digits that `text` begins with, single underscores between them left out, and what follows;
/// nothing when there is none.
fn digits(text: &str, base: u32) -> Option<(String, &str)> {
    let mut digits = String::new();
    let mut rest = text;
    loop {
        let end = rest.find(|it: char| !it.is_digit(base)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        digits.push_str(run);
        match after.strip_prefix('_') {
            Some(next) if !run.is_empty() && next.starts_with(|it: char| it.is_digit(base)) => {
                rest = next;
            }
            _ => return (!digits.is_empty()).then_some((digits, after)),
        }
    }
}
