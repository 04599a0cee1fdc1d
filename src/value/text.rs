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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn text_is_itself_and_what_holds_values_is_json() {
        let array =
            [&[0, 0, 0, 1], &[0; 8][..], &[0, 0, 0, 1, 0, 0, 0, 1], &[0, 0, 0, 1], b"\""].concat();
        let domain = crate::value::Domain { name: "port".to_owned(), base: Type::Text };
        for (ty, value, expected) in [
            (Type::Text, Some(b"a \"b\"".as_slice()), "a \"b\""),
            (Type::Domain(Arc::new(domain)), Some(b"\n"), "\n"),
            (Type::Text, None, ""),
            (Type::Date, Some(&[0, 0, 0, 0]), "2000-01-01"),
            (Type::Int2, Some(&[0, 7]), "7"),
            (Type::Float8, Some(&f64::NAN.to_be_bytes()), "NaN"),
            (Type::Jsonb, Some(b"\x01\"x\""), "\"x\""),
            (Type::Char, Some(b"\xc8"), "\\310"),
            (Type::Array(Arc::new(Type::Text)), Some(&array), r#"["\""]"#),
        ] {
            let mut out = Vec::new();
            write(&ty, value, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{}", ty.name());
        }
        assert!(write(&Type::Text, Some(b"\xff"), &mut Vec::new()).is_err());
    }
}
