//! Dates and times as RFC 3339 writes them (§5.6), years 0001 to 9999.
//!
//! Without leap seconds, which PostgreSQL would move into the next minute, with at most the six
//! decimals that PostgreSQL keeps, and with the capital `T` and `Z`.

use super::{Invalid, scalar::Literal};
use crate::value::calendar::{MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND, days, days_in_month};

/// The number that the digits of `text` are, all of them ASCII digits.
fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Days since 2000-01-01 of `YYYY-MM-DD`.
fn day(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if (year.len(), month.len(), day.len()) != (4, 2, 2) || parts.next().is_some() {
        return None;
    }
    let (year, month, day) = (digits(year)?, digits(month)?, digits(day)?);
    ((1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day))
    .then(|| days(year, month, day))
}

/// Microseconds since midnight of `HH:MM:SS` with up to six decimals.
fn clock(text: &str) -> Option<i64> {
    let (text, fraction) = match text.split_once('.') {
        Some((text, fraction)) if (1..=6).contains(&fraction.len()) => {
            let scale = 10_i64.pow(6 - u32::try_from(fraction.len()).ok()?);
            (text, digits(fraction)? * scale)
        }
        Some(_) => return None,
        None => (text, 0),
    };
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    if (hour.len(), minute.len(), second.len()) != (2, 2, 2) || parts.next().is_some() {
        return None;
    }
    let (hour, minute, second) = (digits(hour)?, digits(minute)?, digits(second)?);
    (hour <= 23 && minute <= 59 && second <= 59)
        .then_some((hour * 3600 + minute * 60 + second) * MICROSECONDS_PER_SECOND + fraction)
}

/// Splits `Z` or `+HH:MM` from the end; gives what stands before, and the seconds east of UTC.
/// PostgreSQL takes offsets of less than 16 hours.
fn offset(text: &str) -> Option<(&str, i64)> {
    if let Some(before) = text.strip_suffix('Z') {
        return Some((before, 0));
    }
    let (before, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    let seconds = (hours <= 15 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
    match offset.as_bytes().first()? {
        b'+' => Some((before, seconds)),
        b'-' => Some((before, -seconds)),
        _ => None,
    }
}

/// Microseconds since 2000-01-01T00:00:00 of a day, `T` and a time.
fn instant(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    Some(day(date)? * MICROSECONDS_PER_DAY + clock(time)?)
}

pub(super) fn date(text: &str) -> Result<Literal<'_>, Invalid> {
    let day = day(text).and_then(|day| i32::try_from(day).ok());
    let day = day.ok_or(Invalid::new("is not a date (YYYY-MM-DD)"))?;
    Ok(Literal::binary(text, day.to_be_bytes()))
}

pub(super) fn time(text: &str) -> Result<Literal<'_>, Invalid> {
    let clock = clock(text).ok_or(Invalid::new("is not a time of day (HH:MM:SS)"))?;
    Ok(Literal::binary(text, clock.to_be_bytes()))
}

pub(super) fn timetz(text: &str) -> Result<Literal<'_>, Invalid> {
    let read = || {
        let (time, east) = offset(text)?;
        Some((clock(time)?, i32::try_from(-east).ok()?))
    };
    let (clock, west) =
        read().ok_or(Invalid::new("is not a time of day with its offset (HH:MM:SS+00:00)"))?;
    Ok(Literal::binary(text, [clock.to_be_bytes().as_slice(), &west.to_be_bytes()].concat()))
}

pub(super) fn timestamp(text: &str) -> Result<Literal<'_>, Invalid> {
    let instant = instant(text)
        .ok_or(Invalid::new("is not a date and time without an offset (YYYY-MM-DDTHH:MM:SS)"))?;
    Ok(Literal::binary(text, instant.to_be_bytes()))
}

pub(super) fn timestamptz(text: &str) -> Result<Literal<'_>, Invalid> {
    let read = || {
        let (instant_text, east) = offset(text)?;
        Some(instant(instant_text)? - east * MICROSECONDS_PER_SECOND)
    };
    let instant = read().ok_or(Invalid::new(
        "is not a date and time with an offset (YYYY-MM-DDTHH:MM:SSZ or …+00:00; in a URL + is %2B)",
    ))?;
    Ok(Literal::binary(text, instant.to_be_bytes()))
}
