//! Arguments that hold no other values.

use super::{Argument, Invalid, Type, address, document, duration, moment, number};
use crate::value::plain::hex;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::borrow::Cow;

/// A value that was found good: its text for within an array or composite, and its binary form
/// where that is exact.
pub(super) struct Literal<'t> {
    /// PostgreSQL's text form.
    pub(super) text: Cow<'t, str>,
    binary: Binary,
}

/// The binary form of a value; the short ones, which are nearly all, take no memory of their own.
enum Binary {
    /// There is none.
    None,
    /// It is the text.
    Text,
    /// So many of these bytes.
    Inline([u8; INLINE], usize),
    Owned(Vec<u8>),
}

/// The longest binary form of a value of bounded length, an IPv6 network, in bytes.
const INLINE: usize = 20;

impl<'t> Literal<'t> {
    /// Sent as `text`.
    pub(super) fn text(text: impl Into<Cow<'t, str>>) -> Self {
        Self { text: text.into(), binary: Binary::None }
    }

    /// Sent as `binary`.
    pub(super) fn binary(text: impl Into<Cow<'t, str>>, binary: impl AsRef<[u8]>) -> Self {
        let bytes = binary.as_ref();
        let mut inline = [0; INLINE];
        let binary = match inline.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Binary::Inline(inline, bytes.len())
            }
            None => Binary::Owned(bytes.to_vec()),
        };
        Self { text: text.into(), binary }
    }

    /// Sent as the bytes of `text`, which are its binary form.
    fn characters(text: impl Into<Cow<'t, str>>) -> Self {
        Self { text: text.into(), binary: Binary::Text }
    }

    /// As it goes to PostgreSQL.
    pub(super) fn into_argument(self) -> Argument {
        match self.binary {
            Binary::None => Argument::Text(self.text.into_owned().into_bytes()),
            Binary::Text => Argument::Binary(self.text.into_owned().into_bytes()),
            Binary::Inline(bytes, length) => {
                Argument::Binary(bytes.get(..length).unwrap_or_default().to_vec())
            }
            Binary::Owned(bytes) => Argument::Binary(bytes),
        }
    }

    /// The binary form, where it is known already.
    pub(super) fn as_binary(&self) -> Option<&[u8]> {
        match &self.binary {
            Binary::None => None,
            Binary::Text => Some(self.text.as_bytes()),
            Binary::Inline(bytes, length) => bytes.get(..*length),
            Binary::Owned(bytes) => Some(bytes),
        }
    }

    fn into_owned(self) -> Literal<'static> {
        Literal { text: Cow::Owned(self.text.into_owned()), binary: self.binary }
    }
}

/// Reads the plain text of a scalar.
pub(super) fn read<'t>(ty: &Type, text: &'t str) -> Result<Literal<'t>, Invalid> {
    match ty {
        Type::Bool => match text {
            "true" => Ok(Literal::binary(text, [1])),
            "false" => Ok(Literal::binary(text, [0])),
            _ => Err(NOT_BOOL),
        },
        Type::Int2 => number::int2(text),
        Type::Int4 => number::int4(text),
        Type::Int8 => number::int8(text),
        Type::Oid => number::oid(text),
        Type::Float4 => number::float4(text),
        Type::Float8 => number::float8(text),
        Type::Numeric => number::numeric(text),
        Type::Name if text.len() > 63 => Err(Invalid::new("is longer than 63 bytes")),
        Type::Text | Type::Varchar | Type::Bpchar | Type::Name => characters(text),
        Type::Char => match text.as_bytes() {
            [byte @ 1..=0x7f] => Ok(Literal::binary(text, [*byte])),
            _ => Err(Invalid::new("is not one ASCII character")),
        },
        Type::Uuid => uuid(text),
        Type::Date => moment::date(text),
        Type::Time => moment::time(text),
        Type::Timetz => moment::timetz(text),
        Type::Timestamp => moment::timestamp(text),
        Type::Timestamptz => moment::timestamptz(text),
        Type::Interval => duration::read(text),
        Type::Json | Type::Jsonb => {
            let text = super::nested::trim(text);
            document::check(text, *ty == Type::Jsonb)?;
            Ok(Literal::text(text))
        }
        Type::Bytea => {
            let bytes = STANDARD.decode(text).map_err(|_| NOT_BASE64)?;
            let mut form = Vec::with_capacity(bytes.len() * 2 + 2);
            form.extend_from_slice(b"\\x");
            for byte in &bytes {
                hex(*byte, &mut form);
            }
            Ok(Literal::binary(String::from_utf8_lossy(&form).into_owned(), bytes))
        }
        Type::Inet => address::inet(text),
        Type::Cidr => address::cidr(text),
        Type::Macaddr => address::hardware::<6>(text)
            .ok_or(Invalid::new("is not a hardware address (08:00:2b:01:02:03)")),
        Type::Macaddr8 => address::hardware::<8>(text)
            .ok_or(Invalid::new("is not a hardware address (08:00:2b:01:02:03:04:05)")),
        Type::Enum(enumeration) if enumeration.labels.iter().any(|label| label == text) => {
            Ok(Literal::text(text))
        }
        Type::Enum(enumeration) => Err(match enumeration.labels.as_slice() {
            labels if labels.len() <= 20 => {
                Invalid::told(format!("is not one of {}", labels.join(", ")))
            }
            labels => Invalid::told(format!("is not one of the {} values allowed", labels.len())),
        }),
        Type::Domain(domain) => read(&domain.base, text),
        Type::Array(_) | Type::Range(_) | Type::Multirange(_) | Type::Composite(_) => {
            Err(Invalid::new("is not one value"))
        }
    }
}

const NOT_BOOL: Invalid = Invalid::new("is not true or false");
const NOT_BASE64: Invalid = Invalid::new("is not base64 (RFC 4648 §4, with padding)");
const NOT_STRING: Invalid = Invalid::new("is not a string");
const NO_CHARACTER: Invalid = Invalid::new("has an escape that is no character");

/// Reads the JSON text of a scalar that is not null: a JSON string, but for truth values, numbers
/// and JSON itself. `bigint` and `numeric` may be strings too, for callers whose numbers are
/// floats; a string is also how the values that JSON has no number for are written.
pub(super) fn read_json<'t>(ty: &Type, raw: &'t str) -> Result<Literal<'t>, Invalid> {
    let ty = ty.base();
    if matches!(ty, Type::Json | Type::Jsonb | Type::Bool) || (ty.is_numeric() && !quoted(raw)) {
        if matches!(raw, "NaN" | "Infinity" | "-Infinity") {
            return Err(Invalid::new("is not JSON"));
        }
        return read(ty, raw);
    }
    if let Some(text) = plain(raw) {
        return read_string(ty, text);
    }
    let text = if quoted(raw) { serde_json::from_str::<String>(raw).ok() } else { None };
    let Some(text) = text else {
        // An impossible value, so that the message is the one of the type.
        return match read(ty, "\0") {
            Err(invalid) if !ty.is_textual() => Err(invalid),
            // `\x`, or half of a surrogate pair.
            _ if quoted(raw) => Err(NO_CHARACTER),
            _ => Err(NOT_STRING),
        };
    };
    read_string(ty, &text).map(Literal::into_owned)
}

/// Reads the text of a JSON string.
fn read_string<'t>(ty: &Type, text: &'t str) -> Result<Literal<'t>, Invalid> {
    let exact = matches!(ty, Type::Int8 | Type::Numeric);
    let special = matches!(text, "NaN" | "Infinity" | "-Infinity");
    if ty.is_numeric() && !exact && !special {
        return Err(Invalid::new("is a string, not a number"));
    }
    read(ty, text)
}

/// What stands in a JSON string that has no escapes (RFC 8259 §7).
fn plain(raw: &str) -> Option<&str> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    let unescaped = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    inner.bytes().all(unescaped).then_some(inner)
}

fn quoted(raw: &str) -> bool {
    raw.starts_with('"')
}

fn characters(text: &str) -> Result<Literal<'_>, Invalid> {
    if text.contains('\0') {
        return Err(Invalid::new("has a NUL character"));
    }
    Ok(Literal::characters(text))
}

fn uuid(text: &str) -> Result<Literal<'_>, Invalid> {
    const INVALID: Invalid = Invalid::new("is not a UUID (8-4-4-4-12 hexadecimal digits)");
    if text.len() != 36 || !text.is_ascii() {
        return Err(INVALID);
    }
    let mut value = 0_u128;
    for (index, byte) in text.bytes().enumerate() {
        if matches!(index, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return Err(INVALID);
            }
        } else {
            let digit = char::from(byte).to_digit(16).ok_or(INVALID)?;
            value = value << 4 | u128::from(digit);
        }
    }
    Ok(Literal::binary(text, value.to_be_bytes()))
}
