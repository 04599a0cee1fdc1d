//! PostgreSQL's binary values to JSON text, straight into the buffer of the answer.
//!
//! Owns the JSON form of every type; `docs/types.md` is its table. Nothing is allocated for a
//! value, and there is no tree between.

mod nested;
mod string;

pub use string::write as write_string;

use super::{
    Type,
    plain::{self, Form},
    wire::Malformed,
};

/// How deep values may hold values, domains counted.
const MAX_DEPTH: usize = 64;

/// Writes a value in PostgreSQL's binary form (`None` is SQL NULL) as JSON text at the end of `out`.
///
/// # Errors
/// The bytes are not a `ty`, or they are nested deeper than 64 levels. What was written until then
/// stays in `out`: the caller cuts it off or throws it away.
pub fn write(ty: &Type, value: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    // What most columns are goes the shortest way.
    match (ty, value) {
        (Type::Text | Type::Varchar, Some(bytes)) => string::write(bytes, out),
        (Type::Int2 | Type::Int4 | Type::Int8 | Type::Bool, Some(bytes)) => {
            plain::write(ty, bytes, out).map(|_| ())
        }
        (Type::Date | Type::Timestamp | Type::Timestamptz | Type::Uuid, Some(bytes)) => {
            quoted(ty, bytes, out)
        }
        _ => level(ty, value, MAX_DEPTH, out),
    }
}

/// Writes a scalar whose form is always in quotes.
fn quoted(ty: &Type, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    out.push(b'"');
    plain::write(ty, bytes, out)?;
    out.push(b'"');
    Ok(())
}

/// Writes a value that may hold `depth` further levels.
fn level(
    ty: &Type,
    value: Option<&[u8]>,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let Some(bytes) = value else {
        out.extend_from_slice(b"null");
        return Ok(());
    };
    let below = depth.checked_sub(1).ok_or(Malformed::new("value of bounded depth"))?;
    match ty {
        Type::Domain(domain) => level(&domain.base, value, below, out),
        Type::Text | Type::Varchar | Type::Bpchar | Type::Name | Type::Enum(_) => {
            string::write(bytes, out)
        }
        Type::Char => {
            let (text, length) = plain::one_byte(bytes)?;
            string::write(&text[..length], out)
        }
        Type::Json | Type::Jsonb => {
            out.extend_from_slice(document(ty, bytes)?);
            Ok(())
        }
        Type::Array(element) => nested::array(element, bytes, below, out),
        Type::Range(over) => nested::range(over, bytes, below, out),
        Type::Multirange(over) => nested::multirange(over, bytes, below, out),
        Type::Composite(composite) => nested::composite(composite, bytes, below, out),
        scalar => {
            // The opening quote is written first and taken back for the few forms that turn out
            // to need none, unless the type never does.
            if always_quoted(scalar) {
                return quoted(scalar, bytes, out);
            }
            let start = out.len();
            if plain::write(scalar, bytes, out)? == Form::Quoted {
                out.insert(start, b'"');
                out.push(b'"');
            }
            Ok(())
        }
    }
}

/// The text of a `json` or `jsonb`: valid JSON, as PostgreSQL holds it.
pub(super) fn document<'a>(ty: &Type, bytes: &'a [u8]) -> Result<&'a [u8], Malformed> {
    let text = match (ty, bytes) {
        (Type::Jsonb, [1, text @ ..]) => text,
        (Type::Jsonb, _) => return Err(Malformed::new("jsonb")),
        _ => bytes,
    };
    // PostgreSQL checks the syntax, but a database in SQL_ASCII checks no encoding.
    if text.is_empty() || std::str::from_utf8(text).is_err() {
        return Err(Malformed::new("json"));
    }
    Ok(text)
}

/// Types whose numbers can be no numbers (`NaN`) are quoted by value, all other scalars by type.
fn always_quoted(ty: &Type) -> bool {
    !matches!(ty, Type::Bool) && !ty.is_numeric()
}

#[cfg(test)]
mod tests;
