//! Values that hold values: arrays, ranges, multiranges, composites.
//!
//! The forms are those of PostgreSQL's `array_send`, `range_send`, `multirange_send` and
//! `record_send`.

use super::{level, string};
use crate::value::{
    Composite, Type,
    wire::{Malformed, Wire},
};

/// PostgreSQL's `MAXDIM`.
const MAX_DIMENSIONS: usize = 6;

/// Writes an array as a JSON array, one within the other for each dimension; where its indices
/// begin is not shown.
pub(super) fn array(
    element: &Type,
    bytes: &[u8],
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut wire = Wire::new(bytes, "array");
    let dimensions = usize::try_from(wire.i32()?).map_err(|_| wire.malformed())?;
    let _has_nulls = wire.i32()?;
    let _element_oid = wire.u32()?;
    if dimensions > MAX_DIMENSIONS {
        return Err(wire.malformed());
    }
    if dimensions == 0 {
        out.extend_from_slice(b"[]");
        return wire.end();
    }
    let mut lengths = [0_usize; MAX_DIMENSIONS];
    let lengths = &mut lengths[..dimensions];
    for length in lengths.iter_mut() {
        // PostgreSQL sends an empty array without dimensions, so none has the length 0: each
        // element takes four bytes at least, and the loops below end with the bytes.
        *length = match usize::try_from(wire.i32()?) {
            Ok(length) if length > 0 => length,
            _ => return Err(wire.malformed()),
        };
        let _lower_bound = wire.i32()?;
    }
    dimension(element, lengths, &mut wire, depth, out)?;
    wire.end()
}

fn dimension(
    element: &Type,
    lengths: &[usize],
    wire: &mut Wire<'_>,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let Some((length, inner)) = lengths.split_first() else {
        return level(element, wire.value()?, depth, out);
    };
    for index in 0..*length {
        out.push(if index == 0 { b'[' } else { b',' });
        dimension(element, inner, wire, depth, out)?;
    }
    out.push(b']');
    Ok(())
}

const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_UNBOUNDED: u8 = 0x08;
const UPPER_UNBOUNDED: u8 = 0x10;

/// Writes a range as `{"lower":…,"upper":…,"bounds":"[)"}`: a bound that is not there is null, and
/// the bounds of a range without any value are `empty`.
pub(super) fn range(
    over: &Type,
    bytes: &[u8],
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut wire = Wire::new(bytes, "range");
    let flags = wire.byte()?;
    let empty = flags & EMPTY != 0;
    for (name, unbounded) in
        [(b"{\"lower\":".as_slice(), LOWER_UNBOUNDED), (b",\"upper\":".as_slice(), UPPER_UNBOUNDED)]
    {
        out.extend_from_slice(name);
        let value = if empty || flags & unbounded != 0 { None } else { Some(wire.present()?) };
        level(over, value, depth, out)?;
    }
    out.extend_from_slice(b",\"bounds\":\"");
    if empty {
        out.extend_from_slice(b"empty");
    } else {
        out.push(if flags & LOWER_INCLUSIVE == 0 { b'(' } else { b'[' });
        out.push(if flags & UPPER_INCLUSIVE == 0 { b')' } else { b']' });
    }
    out.extend_from_slice(b"\"}");
    wire.end()
}

/// Writes a multirange as a JSON array of its ranges.
pub(super) fn multirange(
    over: &Type,
    bytes: &[u8],
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut wire = Wire::new(bytes, "multirange");
    out.push(b'[');
    for index in 0..wire.u32()? {
        if index > 0 {
            out.push(b',');
        }
        range(over, wire.present()?, depth, out)?;
    }
    out.push(b']');
    wire.end()
}

/// Writes a composite as a JSON object, its members in the order of the type.
pub(super) fn composite(
    composite: &Composite,
    bytes: &[u8],
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut wire = Wire::new(bytes, "composite");
    if usize::try_from(wire.i32()?) != Ok(composite.fields.len()) {
        return Err(wire.malformed());
    }
    out.push(b'{');
    for (index, (name, ty)) in composite.fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string::write(name.as_bytes(), out)?;
        out.push(b':');
        let _field_oid = wire.u32()?;
        level(ty, wire.value()?, depth, out)?;
    }
    out.push(b'}');
    wire.end()
}
