//! Exact numbers: PostgreSQL's base-10000 digits to decimal text.
//!
//! The form is that of PostgreSQL's `numeric_send`: the count of digits, the weight of the first
//! (a power of 10000), the sign, the count of decimals to show, the digits.

use super::{
    digits, short,
    wire::{Malformed, Wire},
};

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
    let sent = wire.take(count * 2)?;
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
    let (groups, _) = sent.as_chunks::<2>();
    // The four decimal digits at the given power of 10000; zero where none are sent.
    let group = |power: i32| -> Result<u32, Malformed> {
        let index = usize::try_from(weight - power).ok();
        let group = index.and_then(|index| groups.get(index));
        let group = group.map_or(0, |group| u32::from(u16::from_be_bytes(*group)));
        if group > 9999 { Err(Malformed::new("numeric")) } else { Ok(group) }
    };

    // Most numbers have few digits.
    if (-1..=1).contains(&weight) && scale <= 4 {
        let (text, length) = digits::short(group(1)? * 10_000 + group(0)?);
        short::append(&text, length, out);
        if scale > 0 {
            let [a, b, c, d] = digits::four(group(-1)?);
            short::append(&[b'.', a, b, c, d, 0, 0, 0], 1 + scale, out);
        }
        return Ok(true);
    }
    let mut leading = true;
    for power in (0..=weight).rev().filter(|_| count > 0) {
        let group = group(power)?;
        let text = digits::four(group);
        let skipped = match group {
            _ if !leading => 0,
            0 => continue,
            1..10 => 3,
            10..100 => 2,
            100..1000 => 1,
            _ => 0,
        };
        leading = false;
        out.extend_from_slice(&text[skipped..]);
    }
    if leading {
        out.push(b'0');
    }
    if scale > 0 {
        out.push(b'.');
        let mut left = scale;
        for power in (i32::MIN..0).rev() {
            let text = digits::four(group(power)?);
            if left <= 4 {
                out.extend_from_slice(&text[..left]);
                break;
            }
            out.extend_from_slice(&text);
            left -= 4;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The wire form of a number, made from its decimal text, digit by digit.
    fn encoded(negative: bool, whole: &str, fraction: &str) -> Vec<u8> {
        let whole = whole.trim_start_matches('0');
        let padded_whole = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
        let padded_fraction = format!("{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4));
        let mut weight = i16::try_from(padded_whole.len() / 4).unwrap() - 1;
        let decimals = format!("{padded_whole}{padded_fraction}");
        let groups = decimals.as_bytes().chunks(4);
        let mut digits: Vec<u16> =
            groups.map(|group| std::str::from_utf8(group).unwrap().parse().unwrap()).collect();
        while digits.first() == Some(&0) {
            digits.remove(0);
            weight -= 1;
        }
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.is_empty() {
            weight = 0;
        }
        let sign = if negative && !digits.is_empty() { NEGATIVE } else { 0 };
        let head = [
            u16::try_from(digits.len()).unwrap(),
            weight.cast_unsigned(),
            sign,
            u16::try_from(fraction.len()).unwrap(),
        ];
        head.into_iter().chain(digits).flat_map(u16::to_be_bytes).collect()
    }

    fn text(bytes: &[u8]) -> Result<String, Malformed> {
        let mut out = Vec::new();
        let mut wire = Wire::new(bytes, "numeric");
        write(&mut wire, &mut out)?;
        wire.end()?;
        Ok(String::from_utf8(out).unwrap())
    }

    proptest! {
        #[test]
        fn every_number_is_exact(
            negative in any::<bool>(),
            whole in "0|[1-9][0-9]{0,40}|[1-9]0{1,30}",
            fraction in "[0-9]{0,40}|0{1,30}[1-9]{0,3}",
        ) {
            let zero = whole == "0" && fraction.bytes().all(|digit| digit == b'0');
            let mut expected = if negative && !zero { "-".to_owned() } else { String::new() };
            expected.push_str(&whole);
            if !fraction.is_empty() {
                expected.push('.');
                expected.push_str(&fraction);
            }
            prop_assert_eq!(text(&encoded(negative, &whole, &fraction)).unwrap(), expected);
        }
    }

    #[test]
    fn digits_and_scales_that_postgresql_never_sends_are_malformed() {
        assert!(text(&[0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10]).is_err());
        assert!(text(&[0, 0, 0, 0, 0, 0, 0x40, 0]).is_err());
        assert!(text(&[0, 0, 0, 0, 0x12, 0x34, 0, 0]).is_err());
        assert!(text(&[0xff, 0xff, 0, 0, 0, 0, 0, 0]).is_err());
    }
}
