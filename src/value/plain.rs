//! The plain text of a value that holds no other values.
//!
//! Owns what stands between the quotes in JSON, and alone in plain text. Does not own quoting,
//! escaping or nesting (`json`).

use super::{
    Type, calendar, digits, interval, network, numeric, short,
    wire::{Malformed, Wire},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// What the plain text is, for those who must quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A JSON value as it stands.
    Bare,
    /// Text without any character that JSON escapes.
    Quoted,
}

/// Writes the plain text of a scalar type's value. Text, enums and JSON are not scalars here: their
/// bytes are their plain text.
pub(super) fn write(ty: &Type, bytes: &[u8], out: &mut Vec<u8>) -> Result<Form, Malformed> {
    let mut form = Form::Quoted;
    match ty {
        Type::Bool => {
            let [byte] = fixed(ty, bytes)?;
            out.extend_from_slice(if byte == 0 { b"false" } else { b"true" });
            form = Form::Bare;
        }
        Type::Int2 => form = integer(i16::from_be_bytes(fixed(ty, bytes)?).into(), out),
        Type::Int4 => form = integer(i32::from_be_bytes(fixed(ty, bytes)?).into(), out),
        Type::Int8 => form = integer(i64::from_be_bytes(fixed(ty, bytes)?), out),
        Type::Oid => form = integer(u32::from_be_bytes(fixed(ty, bytes)?).into(), out),
        Type::Float4 => {
            let number = f32::from_be_bytes(fixed(ty, bytes)?);
            form = float(number, f64::from(number), out);
        }
        Type::Float8 => {
            let number = f64::from_be_bytes(fixed(ty, bytes)?);
            form = float(number, number, out);
        }
        Type::Date => calendar::write_date(i32::from_be_bytes(fixed(ty, bytes)?), out),
        Type::Timestamp | Type::Timestamptz => {
            let microseconds = i64::from_be_bytes(fixed(ty, bytes)?);
            calendar::write_timestamp(microseconds, matches!(ty, Type::Timestamptz), out);
        }
        Type::Uuid => uuid(&fixed(ty, bytes)?, out),
        Type::Bytea => base64(bytes, out),
        _ => form = other(ty, bytes, out)?,
    }
    Ok(form)
}

/// The bytes of a type that has so many.
#[inline]
fn fixed<const N: usize>(ty: &Type, bytes: &[u8]) -> Result<[u8; N], Malformed> {
    bytes.try_into().map_err(|_| Malformed::new(what(ty)))
}

/// Those whose form is of several parts.
fn other(ty: &Type, bytes: &[u8], out: &mut Vec<u8>) -> Result<Form, Malformed> {
    let mut wire = Wire::new(bytes, what(ty));
    let mut form = Form::Quoted;
    match ty {
        Type::Numeric => {
            if numeric::write(&mut wire, out)? {
                form = Form::Bare;
            }
        }
        Type::Time => calendar::write_time(wire.i64()?, out)?,
        Type::Timetz => calendar::write_timetz(wire.i64()?, wire.i32()?, out)?,
        Type::Interval => interval::write(wire.i64()?, wire.i32()?, wire.i32()?, out),
        Type::Inet | Type::Cidr => network::write_address(&mut wire, out)?,
        Type::Macaddr => network::write_hardware(&wire.array::<6>()?, out),
        Type::Macaddr8 => network::write_hardware(&wire.array::<8>()?, out),
        _ => return Err(wire.malformed()),
    }
    wire.end()?;
    Ok(form)
}

/// The name of a scalar type, for the error.
#[cold]
fn what(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "boolean",
        Type::Int2 => "smallint",
        Type::Int4 => "integer",
        Type::Int8 => "bigint",
        Type::Oid => "oid",
        Type::Float4 => "real",
        Type::Float8 => "double precision",
        Type::Numeric => "numeric",
        Type::Uuid => "uuid",
        Type::Date => "date",
        Type::Time | Type::Timetz => "time",
        Type::Timestamp | Type::Timestamptz => "timestamp",
        Type::Interval => "interval",
        Type::Inet | Type::Cidr => "network address",
        Type::Macaddr | Type::Macaddr8 => "hardware address",
        Type::Bytea => "bytea",
        _ => "value",
    }
}

#[inline]
fn integer(number: i64, out: &mut Vec<u8>) -> Form {
    if let Ok(small @ ..100_000_000) = u32::try_from(number) {
        let (text, length) = digits::short(small);
        short::append(&text, length, out);
    } else {
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }
    Form::Bare
}

/// The fewest digits that read back as the same number; a whole number has no point. `wide` is the
/// same number, to ask what kind it is.
fn float(number: impl zmij::Float, wide: f64, out: &mut Vec<u8>) -> Form {
    if wide.is_nan() {
        out.extend_from_slice(b"NaN");
        return Form::Quoted;
    }
    if wide.is_infinite() {
        out.extend_from_slice(if wide > 0.0 { b"Infinity" } else { b"-Infinity" });
        return Form::Quoted;
    }
    let mut buffer = zmij::Buffer::new();
    let digits = buffer.format_finite(number);
    // From 10^13 on a `real` has an exponent, from 10^16 on any number, and a sign before it.
    match (wide.abs() >= 1e12).then(|| digits.split_once("e+")).flatten() {
        Some((mantissa, exponent)) => {
            out.extend_from_slice(mantissa.as_bytes());
            out.push(b'e');
            out.extend_from_slice(exponent.as_bytes());
        }
        None => out.extend_from_slice(digits.strip_suffix(".0").unwrap_or(digits).as_bytes()),
    }
    Form::Bare
}

pub(super) const HEX: &[u8; 16] = b"0123456789abcdef";

/// Two lower-case hexadecimal digits.
pub(super) fn hex(byte: u8, out: &mut Vec<u8>) {
    out.push(HEX[usize::from(byte >> 4)]);
    out.push(HEX[usize::from(byte & 15)]);
}

fn uuid(bytes: &[u8; 16], out: &mut Vec<u8>) {
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        hex(*byte, out);
    }
}

/// Base64 of the standard alphabet with padding (RFC 4648 §4).
fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or_default();
    out.truncate(start + written);
}

/// The one byte of a `"char"`: nothing for zero, ASCII as it is, others as a backslash and three
/// octal digits, as PostgreSQL prints them from version 16 on.
pub(super) fn one_byte(bytes: &[u8]) -> Result<([u8; 4], usize), Malformed> {
    match bytes {
        [0] => Ok(([0; 4], 0)),
        [byte @ ..=0x7f] => Ok(([*byte, 0, 0, 0], 1)),
        [byte] => {
            let octal = |shift: u8| b'0' + (byte >> shift & 7);
            Ok(([b'\\', octal(6), octal(3), octal(0)], 4))
        }
        _ => Err(Malformed::new("\"char\"")),
    }
}
