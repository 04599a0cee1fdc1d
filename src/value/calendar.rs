//! Days and times of day: PostgreSQL's counts from 2000-01-01 to text and back.
//!
//! Days are those of the proleptic Gregorian calendar. The conversion to a count of days is Howard
//! Hinnant's `days_from_civil` ("chrono-Compatible Low-Level Date Algorithms"), and the one back that
//! of Cassio Neri and Lorenz Schneider ("Euclidean affine functions and their application to calendar
//! algorithms", 2022), which divides by hardly anything.

use super::{digits, short, wire::Malformed};

pub(super) const MICROSECONDS_PER_SECOND: i64 = 1_000_000;
pub(super) const MICROSECONDS_PER_DAY: i64 = 86_400 * MICROSECONDS_PER_SECOND;

/// Days from 0000-03-01, where the algorithm begins, to 2000-01-01, where PostgreSQL does.
const EPOCH: i64 = 730_425;
const DAYS_PER_ERA: i64 = 146_097;

/// Days since 2000-01-01 of a day of the proleptic Gregorian calendar; the year 0 is 1 BC.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH
}

/// Eras of 400 years that are added to a count, so that every `i32` of days is none below zero.
const ERAS: i64 = 14_700;

/// Year (0 is 1 BC), month and day of a count of days since 2000-01-01, which is an `i32` or less than a
/// third beyond one.
pub(super) fn civil(days: i64) -> (i64, u32, u32) {
    const DAYS_OF_CENTURY: u64 = 146_097;
    let low = |number: u64| u32::try_from(number & 0xFFFF_FFFF).unwrap_or(0);
    let from_first = (days + EPOCH + ERAS * DAYS_PER_ERA).cast_unsigned();
    let quarters = 4 * from_first + 3;
    let (century, of_century) = (quarters / DAYS_OF_CENTURY, quarters % DAYS_OF_CENTURY / 4);
    let product = 2_939_745 * (4 * of_century + 3);
    let of_year = low(product) / 2_939_745 / 4;
    let year = 100 * century + (product >> 32);
    // Months count from March, so January and February are the year's 13th and 14th.
    let month_and_day = 2141 * of_year + 197_913;
    let (month, day) = (month_and_day >> 16, (month_and_day & 0xFFFF) / 2141 + 1);
    let next = of_year >= 306;
    let year = year.cast_signed() - 400 * ERAS + i64::from(next);
    (year, if next { month - 12 } else { month }, day)
}

/// How many days the month has.
pub(super) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Writes a point and the microseconds, below a million, without their last zeros; nothing for none.
pub(super) fn fraction(microseconds: u32, out: &mut Vec<u8>) {
    if microseconds == 0 {
        return;
    }
    let mut text = *b".000000";
    text[1..3].copy_from_slice(&digits::two(microseconds / 10_000));
    text[3..].copy_from_slice(&digits::four(microseconds % 10_000));
    let last = text.iter().rposition(|digit| *digit != b'0').unwrap_or(0);
    short::append(&text, last + 1, out);
}

/// Writes `YYYY-MM-DD`; says whether the year is before Christ, which stands at the very end.
fn write_day(days: i64, out: &mut Vec<u8>) -> bool {
    let (year, month, day) = civil(days);
    let before_christ = year <= 0;
    let year = if before_christ { 1 - year } else { year };
    let mut text = *b"YYYY-MM-DD";
    text[5..7].copy_from_slice(&digits::two(month));
    text[8..].copy_from_slice(&digits::two(day));
    if let Ok(year @ ..=9999) = u32::try_from(year) {
        text[..4].copy_from_slice(&digits::four(year));
        out.extend_from_slice(&text);
    } else {
        out.extend_from_slice(itoa::Buffer::new().format(year).as_bytes());
        out.extend_from_slice(&text[4..]);
    }
    before_christ
}

/// Writes `HH:MM:SS` and the fraction of a time of day, which is at most the day's end.
fn write_clock(microseconds: u64, out: &mut Vec<u8>) {
    let second = MICROSECONDS_PER_SECOND.unsigned_abs();
    let small = |number: u64| u32::try_from(number).unwrap_or(0);
    let seconds = small(microseconds / second);
    let minutes = seconds / 60;
    let mut text = *b"HH:MM:SS";
    text[..2].copy_from_slice(&digits::two(minutes / 60));
    text[3..5].copy_from_slice(&digits::two(minutes % 60));
    text[6..].copy_from_slice(&digits::two(seconds % 60));
    out.extend_from_slice(&text);
    fraction(small(microseconds % second), out);
}

/// Writes hours, minutes and, when asked for, seconds of a count of seconds below 100 hours.
fn write_seconds(seconds: u32, to_the_second: bool, out: &mut Vec<u8>) {
    let minutes = seconds / 60;
    let ([a, b], [c, d]) = (digits::two(minutes / 60), digits::two(minutes % 60));
    out.extend_from_slice(&[a, b, b':', c, d]);
    if to_the_second {
        let [tens, ones] = digits::two(seconds % 60);
        out.extend_from_slice(&[b':', tens, ones]);
    }
}

/// Writes a `date`: `YYYY-MM-DD`, with ` BC` behind it before the year 1; `infinity`, `-infinity`.
pub(super) fn write_date(days: i32, out: &mut Vec<u8>) {
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        i32::MIN => out.extend_from_slice(b"-infinity"),
        days => {
            if write_day(i64::from(days), out) {
                out.extend_from_slice(b" BC");
            }
        }
    }
}

/// Writes a `timestamp`, or a `timestamptz` in UTC with `+00:00`.
pub(super) fn write_timestamp(microseconds: i64, zoned: bool, out: &mut Vec<u8>) {
    match microseconds {
        i64::MAX => out.extend_from_slice(b"infinity"),
        i64::MIN => out.extend_from_slice(b"-infinity"),
        _ => {
            let before_christ = write_day(microseconds.div_euclid(MICROSECONDS_PER_DAY), out);
            out.push(b'T');
            write_clock(microseconds.rem_euclid(MICROSECONDS_PER_DAY).unsigned_abs(), out);
            if zoned {
                out.extend_from_slice(b"+00:00");
            }
            if before_christ {
                out.extend_from_slice(b" BC");
            }
        }
    }
}

/// Writes a `time`; the end of the day is `24:00:00`.
pub(super) fn write_time(microseconds: i64, out: &mut Vec<u8>) -> Result<(), Malformed> {
    if !(0..=MICROSECONDS_PER_DAY).contains(&microseconds) {
        return Err(Malformed::new("time"));
    }
    write_clock(microseconds.unsigned_abs(), out);
    Ok(())
}

/// Writes a `timetz` with its own offset; `west` is in seconds, as PostgreSQL keeps it.
pub(super) fn write_timetz(
    microseconds: i64,
    west: i32,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    write_time(microseconds, out)?;
    out.push(if west > 0 { b'-' } else { b'+' });
    let seconds = west.unsigned_abs();
    if seconds >= 100 * 3600 {
        return Err(Malformed::new("timetz"));
    }
    write_seconds(seconds, !seconds.is_multiple_of(60), out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Argument, Type, argument};
    use proptest::prelude::*;

    /// PostgreSQL's range of dates: 4714-11-24 BC to 5874897-12-31.
    const FIRST: i64 = -2_451_545;
    const LAST: i64 = 2_145_031_948;

    fn shown(days: i32) -> String {
        let mut out = Vec::new();
        write_date(days, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_calendar_goes_on_day_by_day() {
        // Counted up without the algorithm: every day of PostgreSQL's first 7,000 years.
        let (mut year, mut month, mut day) = (-4713_i64, 11_u32, 24_u32);
        for count in FIRST..FIRST + 7_000 * 365 {
            assert_eq!(civil(count), (year, month, day));
            assert_eq!(days(year, month.into(), day.into()), count);
            day += 1;
            if i64::from(day) > days_in_month(year, month.into()) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!(civil(LAST), (5_874_897, 12, 31));
        assert_eq!(civil(0), (2000, 1, 1));
    }

    #[test]
    fn the_ends_of_the_calendar_have_their_forms() {
        assert_eq!(shown(i32::try_from(FIRST).unwrap()), "4714-11-24 BC");
        assert_eq!(shown(i32::try_from(LAST).unwrap()), "5874897-12-31");
        assert_eq!(shown(-730_120), "0001-12-31 BC");
    }

    proptest! {
        #[test]
        fn any_count_of_days_comes_back(count in any::<i32>()) {
            let (year, month, day) = civil(i64::from(count));
            prop_assert!((1..=days_in_month(year, month.into())).contains(&i64::from(day)));
            prop_assert_eq!(days(year, month.into(), day.into()), i64::from(count));
        }

        #[test]
        fn dates_that_rfc_3339_has_read_back(count in -730_119..=2_921_939_i32) {
            let argument = argument::from_text(&Type::Date, &shown(count)).unwrap();
            prop_assert_eq!(argument, Argument::Binary(count.to_be_bytes().to_vec()));
        }

        #[test]
        fn instants_that_rfc_3339_has_read_back(
            count in -730_119 * MICROSECONDS_PER_DAY..2_921_940 * MICROSECONDS_PER_DAY,
        ) {
            for (ty, zoned) in [(Type::Timestamp, false), (Type::Timestamptz, true)] {
                let mut out = Vec::new();
                write_timestamp(count, zoned, &mut out);
                let text = String::from_utf8(out).unwrap();
                let argument = argument::from_text(&ty, &text).unwrap();
                prop_assert_eq!(argument, Argument::Binary(count.to_be_bytes().to_vec()));
            }
        }

        #[test]
        fn any_count_of_microseconds_is_written(count in any::<i64>()) {
            let mut out = Vec::new();
            write_timestamp(count, true, &mut out);
            prop_assert!(out.len() >= 8);
        }
    }
}
