//! PostgreSQL's binary values to plain text, for an answer that is one value.
//!
//! Text is itself, a scalar is what stands between the quotes in JSON, and a value that holds
//! values is its JSON text. SQL NULL is nothing.

use super::{Type, json, plain, wire::Malformed};

/// Writes the plain text of a value in PostgreSQL's binary form at the end of `out`.
///
/// # Errors
/// The bytes are not a `ty`; `out` then keeps what was written until then.
pub fn write(ty: &Type, value: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let Some(bytes) = value else { return Ok(()) };
    match ty.base() {
        Type::Text | Type::Varchar | Type::Bpchar | Type::Name | Type::Enum(_) => {
            let text = std::str::from_utf8(bytes).map_err(|_| Malformed::new("UTF-8 text"))?;
            out.extend_from_slice(text.as_bytes());
        }
        Type::Char => {
            let (text, length) = plain::one_byte(bytes)?;
            out.extend_from_slice(&text[..length]);
        }
        nested @ (Type::Json
        | Type::Jsonb
        | Type::Array(_)
        | Type::Range(_)
        | Type::Multirange(_)
        | Type::Composite(_)) => json::write(nested, value, out)?,
        scalar => {
            plain::write(scalar, bytes, out)?;
        }
    }
    Ok(())
}
