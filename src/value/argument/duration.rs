//! Intervals as ISO 8601 durations, with the signs that PostgreSQL adds to them.

use super::{Invalid, scalar::Literal};
use crate::value::calendar::MICROSECONDS_PER_SECOND;

const INVALID: Invalid = Invalid::new("is not an ISO 8601 duration (P1Y2M3DT4H5M6S)");

/// Each unit in its order, before the `T`: how many months and days it is.
const DATE_UNITS: [(char, i64, i64); 4] = [('Y', 12, 0), ('M', 1, 0), ('W', 0, 7), ('D', 0, 1)];
/// Each unit in its order, behind the `T`: how many seconds it is.
const TIME_UNITS: [(char, i64); 3] = [('H', 3600), ('M', 60), ('S', 1)];

/// Reads `P[nY][nM][nW][nD][T[nH][nM][nS]]`: at least one part, each with its own sign if it has
/// one, decimals (six at most) for the seconds alone.
pub(super) fn read(text: &str) -> Result<Literal<'_>, Invalid> {
    let (microseconds, days, months) = parts(text).ok_or(INVALID)?;
    // From version 17 on PostgreSQL reads these extremes as an infinite interval.
    if (microseconds, days, months) == (i64::MAX, i32::MAX, i32::MAX)
        || (microseconds, days, months) == (i64::MIN, i32::MIN, i32::MIN)
    {
        return Err(INVALID);
    }
    let mut binary = Vec::with_capacity(16);
    binary.extend_from_slice(&microseconds.to_be_bytes());
    binary.extend_from_slice(&days.to_be_bytes());
    binary.extend_from_slice(&months.to_be_bytes());
    Ok(Literal::binary(text, binary))
}

fn parts(text: &str) -> Option<(i64, i32, i32)> {
    let text = text.strip_prefix('P')?;
    let (mut date, time) = match text.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return None,
        None if text.is_empty() => return None,
        None => (text, ""),
    };
    let (mut months, mut days, mut microseconds) = (0_i64, 0_i64, 0_i64);
    for (unit, in_months, in_days) in DATE_UNITS {
        if let Some((count, rest)) = part(date, unit) {
            let count = number(count)?;
            months = months.checked_add(count.checked_mul(in_months)?)?;
            days = days.checked_add(count.checked_mul(in_days)?)?;
            date = rest;
        }
    }
    let mut time = time;
    for (unit, in_seconds) in TIME_UNITS {
        if let Some((count, rest)) = part(time, unit) {
            let (count, fraction) = match count.split_once('.') {
                Some((count, fraction)) if unit == 'S' => (count, fraction_of(count, fraction)?),
                _ => (count, 0),
            };
            let scale = in_seconds * MICROSECONDS_PER_SECOND;
            let whole = number(count)?.checked_mul(scale)?;
            microseconds = microseconds.checked_add(whole)?.checked_add(fraction)?;
            time = rest;
        }
    }
    if !date.is_empty() || !time.is_empty() {
        return None;
    }
    Some((microseconds, i32::try_from(days).ok()?, i32::try_from(months).ok()?))
}

/// Splits the count before `unit` from the start of `text`.
fn part(text: &str, unit: char) -> Option<(&str, &str)> {
    let end = text.find(|character: char| character.is_ascii_alphabetic())?;
    let (count, rest) = text.split_at(end);
    rest.strip_prefix(unit).map(|rest| (count, rest))
}

/// `-?[0-9]{1,12}`
fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let good = (1..=12).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    good.then(|| text.parse().ok())?
}

/// The microseconds of the decimals, with the sign of the whole.
fn fraction_of(whole: &str, decimals: &str) -> Option<i64> {
    if !(1..=6).contains(&decimals.len()) || !decimals.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let scale = 10_i64.pow(6 - u32::try_from(decimals.len()).ok()?);
    let microseconds = decimals.parse::<i64>().ok()? * scale;
    Some(if whole.starts_with('-') { -microseconds } else { microseconds })
}
