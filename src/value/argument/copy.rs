//! Values as COPY takes them: written straight into a buffer, nothing allocated for a value of
//! bounded length.
//!
//! Owns the two forms of a value within a row of COPY. What a value may be is the same as for an
//! argument. Does not own rows (`decode`).

use super::{Invalid, Type, document, exact, nested, scalar};
use crate::value::Argument;

/// How the values of one COPY are written, all of them alike (PostgreSQL documentation, "COPY:
/// File Formats").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `FORMAT binary`: each value in its type's binary form.
    Binary,
    /// `FORMAT text`: each value in its type's text form, with a backslash before what divides
    /// values and rows.
    Text,
}

impl Form {
    /// The form that has all of these types: values that hold other values have no binary form here.
    pub fn of<'t>(mut types: impl Iterator<Item = &'t Type>) -> Self {
        if types.any(Type::is_nested) { Self::Text } else { Self::Binary }
    }
}

/// Appends the value that `text` is, as [`super::from_text`] reads it.
///
/// # Errors
/// The text is not a value of the type; then `out` may hold some of it.
pub fn write_text(ty: &Type, text: &str, form: Form, out: &mut Vec<u8>) -> Result<(), Invalid> {
    let ty = ty.base();
    if ty.is_nested() {
        return nested_form(&super::from_text(ty, text)?, out);
    }
    write_scalar(ty, &scalar::read(ty, text)?, form, out)
}

/// Appends the value that the JSON text `raw` is, as [`super::from_json`] reads it; `false` for
/// `null`.
///
/// # Errors
/// The value is not one of the type, or `raw` is no JSON; then `out` may hold some of it.
pub fn write_json(ty: &Type, raw: &str, form: Form, out: &mut Vec<u8>) -> Result<bool, Invalid> {
    let raw = nested::trim(raw);
    if raw == "null" {
        return Ok(false);
    }
    let ty = ty.base();
    if ty.is_nested() {
        nested_form(&super::from_json(ty, raw)?, out)?;
    } else {
        write_scalar(ty, &scalar::read_json(ty, raw)?, form, out)?;
    }
    Ok(true)
}

fn nested_form(argument: &Argument, out: &mut Vec<u8>) -> Result<(), Invalid> {
    match argument {
        Argument::Text(text) => escape(text, out),
        // Values that hold others are text always, and null is not one.
        Argument::Null | Argument::Binary(_) => return Err(Invalid::new("cannot be loaded")),
    }
    Ok(())
}

fn write_scalar(
    ty: &Type,
    literal: &scalar::Literal<'_>,
    form: Form,
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    if form == Form::Text {
        escape(literal.text.as_bytes(), out);
        return Ok(());
    }
    match (literal.as_binary(), ty) {
        (Some(bytes), _) => out.extend_from_slice(bytes),
        (None, Type::Numeric) => {
            if !exact::write(&literal.text, out) {
                return Err(Invalid::new("is not a number"));
            }
        }
        (None, Type::Jsonb) => {
            out.push(document::JSONB_VERSION);
            out.extend_from_slice(literal.text.as_bytes());
        }
        // `json` and enumerations, whose binary form is their text.
        (None, _) => out.extend_from_slice(literal.text.as_bytes()),
    }
    Ok(())
}

/// The text form with a backslash before what COPY would take for its own.
fn escape(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Enumeration, argument};
    use std::sync::Arc;

    fn binary(ty: &Type, raw: &str) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(write_json(ty, raw, Form::Binary, &mut out).unwrap(), "{raw}");
        out
    }

    #[test]
    fn the_binary_form_is_the_one_of_an_argument() {
        for (ty, raw) in [
            (Type::Bool, "true"),
            (Type::Int4, "-7"),
            (Type::Text, "\"a\\u00e9\\n\""),
            (Type::Text, "\"plain é\""),
            (Type::Date, "\"2021-01-31\""),
            (Type::Inet, "\"2001:db8::1/64\""),
            (Type::Bytea, "\"3q2+7w==\""),
            (Type::Uuid, "\"123e4567-e89b-12d3-a456-426614174000\""),
        ] {
            let argument = argument::from_json(&ty, raw).unwrap();
            assert_eq!(argument, Argument::Binary(binary(&ty, raw)), "{raw}");
        }
    }

    #[test]
    fn what_arguments_send_as_text_has_a_binary_form_here() {
        let port = Enumeration { name: "port".into(), labels: vec!["in".into(), "out".into()] };
        assert_eq!(binary(&Type::Enum(Arc::new(port)), "\"out\""), b"out");
        assert_eq!(binary(&Type::Json, "{\"a\": 1}"), b"{\"a\": 1}");
        assert_eq!(binary(&Type::Jsonb, "[1]"), b"\x01[1]");
        assert_eq!(binary(&Type::Numeric, "1.5"), [0, 2, 0, 0, 0, 0, 0, 1, 0, 1, 0x13, 0x88]);
    }

    #[test]
    fn the_text_form_escapes_what_divides() {
        let list = Type::Array(Arc::new(Type::Text));
        assert_eq!(Form::of([&Type::Int4, &list].into_iter()), Form::Text);
        let mut out = Vec::new();
        write_json(&list, "[\"a\\tb\\\\\", null]", Form::Text, &mut out).unwrap();
        assert_eq!(out, b"{\"a\\tb\\\\\\\\\",NULL}");
        out.clear();
        write_text(&Type::Text, "x\r\n\\N", Form::Text, &mut out).unwrap();
        assert_eq!(out, b"x\\r\\n\\\\N");
        assert!(!write_json(&list, " null ", Form::Text, &mut out).unwrap());
    }
}
