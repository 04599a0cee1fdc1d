//! Intervals as ISO 8601 durations, in the form of PostgreSQL's `IntervalStyle = iso_8601`.

use super::calendar::{MICROSECONDS_PER_SECOND, fraction};

/// Writes an interval: `P1Y2M3DT4H5M6.7S`, a sign before each part that is negative, `PT0S` for
/// none; `infinity` and `-infinity` from PostgreSQL 17 on.
pub(super) fn write(microseconds: i64, days: i32, months: i32, out: &mut Vec<u8>) {
    match (microseconds, days, months) {
        (i64::MAX, i32::MAX, i32::MAX) => return out.extend_from_slice(b"infinity"),
        (i64::MIN, i32::MIN, i32::MIN) => return out.extend_from_slice(b"-infinity"),
        (0, 0, 0) => return out.extend_from_slice(b"PT0S"),
        _ => {}
    }
    out.push(b'P');
    part(i64::from(months / 12), b'Y', out);
    part(i64::from(months % 12), b'M', out);
    part(i64::from(days), b'D', out);
    if microseconds == 0 {
        return;
    }
    out.push(b'T');
    let seconds = microseconds / MICROSECONDS_PER_SECOND;
    part(seconds / 3600, b'H', out);
    part(seconds / 60 % 60, b'M', out);
    let within = microseconds % (60 * MICROSECONDS_PER_SECOND);
    if within != 0 {
        if within < 0 {
            out.push(b'-');
        }
        let within = within.unsigned_abs();
        let second = MICROSECONDS_PER_SECOND.unsigned_abs();
        out.extend_from_slice(itoa::Buffer::new().format(within / second).as_bytes());
        fraction(u32::try_from(within % second).unwrap_or(0), out);
        out.push(b'S');
    }
}

fn part(count: i64, unit: u8, out: &mut Vec<u8>) {
    if count != 0 {
        out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
        out.push(unit);
    }
}
