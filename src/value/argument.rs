//! Arguments: what a caller wrote to what PostgreSQL takes.
//!
//! Owns which spellings of a value are good: one for each type, the same as results have wherever
//! both exist (`docs/types.md` is the table). What PostgreSQL would refuse for its type is refused
//! here where that can be known, so that all that is wrong with a request is told at once. Does not
//! own facets, presence and places of arguments (`http`).

mod address;
pub mod copy;
mod document;
mod duration;
mod exact;
mod moment;
mod nested;
mod number;
mod scalar;

use super::{Argument, Type};
use std::{borrow::Cow, fmt};

/// Why an argument is refused: the end of a sentence that begins with the argument's name, such as
/// `is not a date (YYYY-MM-DD)`. It never repeats the argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(Cow<'static, str>);

impl Invalid {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self(Cow::Borrowed(what))
    }

    pub(crate) fn told(what: String) -> Self {
        Self(Cow::Owned(what))
    }

    /// The end of the sentence.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

/// Reads an argument as a URL, a header or a form writes it, already decoded.
///
/// An array is a list with commas between the items, without a way to write a comma within one; a
/// range is `[lower,upper)`; what cannot be written so (composites, multiranges, arrays of values
/// that hold values) is JSON text.
///
/// # Errors
/// The text is not a value of the type.
pub fn from_text(ty: &Type, text: &str) -> Result<Argument, Invalid> {
    match ty.base() {
        Type::Array(element) if element.is_listable() => {
            nested::list(element, text).map(|text| Argument::Text(text.into_bytes()))
        }
        Type::Range(over) if over.is_listable() => {
            nested::interval(over, text).map(|text| Argument::Text(text.into_bytes()))
        }
        Type::Array(_) | Type::Range(_) | Type::Multirange(_) | Type::Composite(_) => {
            match from_json(ty, text)? {
                Argument::Null => Err(Invalid::new("is null")),
                argument => Ok(argument),
            }
        }
        scalar => scalar::read(scalar, text).map(scalar::Literal::into_argument),
    }
}

/// Reads an argument as JSON writes it: `raw` is the JSON text of one value. `null` is SQL NULL,
/// for `json` and `jsonb` too.
///
/// # Errors
/// The value is not one of the type, or `raw` is no JSON.
pub fn from_json(ty: &Type, raw: &str) -> Result<Argument, Invalid> {
    let raw = nested::trim(raw);
    if raw == "null" {
        return Ok(Argument::Null);
    }
    let ty = ty.base();
    if ty.is_nested() {
        let mut text = String::with_capacity(raw.len());
        nested::write(ty, raw, nested::MAX_DEPTH, &mut text)?;
        return Ok(Argument::Text(text.into_bytes()));
    }
    scalar::read_json(ty, raw).map(scalar::Literal::into_argument)
}

#[cfg(test)]
mod tests;
