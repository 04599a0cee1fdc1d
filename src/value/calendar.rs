//! Days and times of day: PostgreSQL's counts from 2000-01-01 to text and back.
//!
//! Days are those of the proleptic Gregorian calendar. The conversion is Howard Hinnant's
//! `days_from_civil` and `civil_from_days` ("chrono-Compatible Low-Level Date Algorithms").

use super::wire::Malformed;

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

/// Year (0 is 1 BC), month and day of a count of days since 2000-01-01.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let era = days.div_euclid(DAYS_PER_ERA);
    let of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
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

/// Writes `number` with at least `width` digits.
fn padded(number: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(number).as_bytes();
    for _ in digits.len()..width {
        out.push(b'0');
    }
    out.extend_from_slice(digits);
}

/// Writes a point and the microseconds without their last zeros; nothing for none.
pub(super) fn fraction(microseconds: u64, out: &mut Vec<u8>) {
    if microseconds > 0 {
        out.push(b'.');
        padded(microseconds, 6, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// Writes `YYYY-MM-DD`; says whether the year is before Christ, which stands at the very end.
fn write_day(days: i64, out: &mut Vec<u8>) -> bool {
    let (year, month, day) = civil(days);
    let before_christ = year <= 0;
    padded(if before_christ { 1 - year } else { year }.unsigned_abs(), 4, out);
    out.push(b'-');
    padded(month.unsigned_abs(), 2, out);
    out.push(b'-');
    padded(day.unsigned_abs(), 2, out);
    before_christ
}

fn write_clock(microseconds: u64, out: &mut Vec<u8>) {
    let second = MICROSECONDS_PER_SECOND.unsigned_abs();
    let seconds = microseconds / second;
    padded(seconds / 3600, 2, out);
    out.push(b':');
    padded(seconds / 60 % 60, 2, out);
    out.push(b':');
    padded(seconds % 60, 2, out);
    fraction(microseconds % second, out);
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
    let seconds = u64::from(west.unsigned_abs());
    padded(seconds / 3600, 2, out);
    out.push(b':');
    padded(seconds / 60 % 60, 2, out);
    if seconds % 60 != 0 {
        out.push(b':');
        padded(seconds % 60, 2, out);
    }
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
        let (mut year, mut month, mut day) = (-4713_i64, 11, 24);
        for count in FIRST..FIRST + 7_000 * 365 {
            assert_eq!(civil(count), (year, month, day));
            assert_eq!(days(year, month, day), count);
            day += 1;
            if day > days_in_month(year, month) {
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
            prop_assert!((1..=days_in_month(year, month)).contains(&day));
            prop_assert_eq!(days(year, month, day), i64::from(count));
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
