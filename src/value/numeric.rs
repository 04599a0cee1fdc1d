//! Exact numbers: PostgreSQL's base-10000 digits to decimal text.
//!
//! The form is that of PostgreSQL's `numeric_send`: the count of digits, the weight of the first
//! (a power of 10000), the sign, the count of decimals to show, the digits.

use super::wire::{Malformed, Wire};

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;

/// Decimal digits before the point that PostgreSQL's `numeric` can hold.
pub(super) const MAX_BEFORE: usize = 131_072;
/// Decimal digits after the point that PostgreSQL's `numeric` can hold.
pub(super) const MAX_AFTER: usize = 16_383;

/// Writes the number with all its decimals; says whether it is one at all, or `NaN`, `Infinity`,
/// `-Infinity`.
pub(super) fn write(wire: &mut Wire<'_>, out: &mut Vec<u8>) -> Result<bool, Malformed> {
    let count = usize::try_from(wire.i16()?).map_err(|_| wire.malformed())?;
    let weight = i32::from(wire.i16()?);
    let sign = wire.u16()?;
    let scale = usize::from(wire.u16()?);
    let digits = wire.take(count * 2)?;
    match sign {
        0 => {}
        NEGATIVE => out.push(b'-'),
        NAN | INFINITY | MINUS_INFINITY => {
            out.extend_from_slice(match sign {
                NAN => b"NaN",
                INFINITY => b"Infinity",
                _ => b"-Infinity",
            });
            return Ok(false);
        }
        _ => return Err(wire.malformed()),
    }
    if scale > MAX_AFTER {
        return Err(wire.malformed());
    }
    // The four decimal digits at the given power of 10000; zero where none are sent.
    let group = |power: i32| -> Result<[u8; 4], Malformed> {
        let index = usize::try_from(weight - power).ok().map(|index| index * 2);
        let digit = index.and_then(|index| digits.get(index..index + 2));
        let digit = digit.map_or(0, |pair| u16::from_be_bytes([pair[0], pair[1]]));
        if digit > 9999 {
            return Err(Malformed::new("numeric"));
        }
        Ok([1000, 100, 10, 1].map(|unit| b'0' + u8::try_from(digit / unit % 10).unwrap_or(0)))
    };

    let start = out.len();
    if count > 0 {
        for power in (0..=weight).rev() {
            let group = group(power)?;
            for digit in group {
                if out.len() > start || digit != b'0' {
                    out.push(digit);
                }
            }
        }
    }
    if out.len() == start {
        out.push(b'0');
    }
    if scale > 0 {
        out.push(b'.');
        let mut left = scale;
        for power in (i32::MIN..0).rev() {
            let group = group(power)?;
            let shown = left.min(4);
            out.extend_from_slice(&group[..shown]);
            left -= shown;
            if left == 0 {
                break;
            }
        }
    }
    Ok(true)
}
