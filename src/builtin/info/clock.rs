//! The time as text.

use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS_PER_DAY: u64 = 86_400;

/// The time in UTC as ISO 8601 with microseconds and offset, such as
/// `2026-11-21T10:04:35.123456+00:00`. A time before 1970 is told as its beginning.
pub fn iso_8601(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let (year, month, day) = date(seconds / SECONDS_PER_DAY);
    let second = seconds % SECONDS_PER_DAY;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}+00:00",
        second / 3600,
        second / 60 % 60,
        second % 60,
        since.subsec_micros()
    )
}

/// Year, month and day of the Gregorian calendar, so many days after 1970-01-01 (`civil_from_days`
/// in Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms"): years begin in March, so
/// that the leap day is a year's last.
fn date(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097; // 400 years
    let days = days + 719_468; // from 0000-03-01
    let era = days / DAYS_PER_ERA;
    let day_of_era = days % DAYS_PER_ERA;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_written_as_iso_8601() {
        // The seconds are those of `date -u -d … +%s`.
        for (seconds, micros, wanted) in [
            (0, 0, "1970-01-01T00:00:00.000000+00:00"),
            (951_782_399, 999_999, "2000-02-28T23:59:59.999999+00:00"),
            (951_782_400, 0, "2000-02-29T00:00:00.000000+00:00"),
            (951_868_800, 1, "2000-03-01T00:00:00.000001+00:00"),
            (1_795_255_475, 123_456, "2026-11-21T10:04:35.123456+00:00"),
            (1_798_761_599, 0, "2026-12-31T23:59:59.000000+00:00"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000+00:00"),
            (253_402_300_799, 0, "9999-12-31T23:59:59.000000+00:00"),
        ] {
            let time = UNIX_EPOCH + Duration::new(seconds, micros * 1000);
            assert_eq!(iso_8601(time), wanted);
        }
        assert!(iso_8601(UNIX_EPOCH - Duration::from_secs(1)).starts_with("1970-01-01T00:00:00"));
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = date(0);
        for days in 1..150_000 {
            let (year, month, day) = date(days);
            let next_day = (year, month, day) == (before.0, before.1, before.2 + 1);
            let next_month = day == 1 && (year, month) == (before.0, before.1 + 1);
            let next_year = (year, month, day) == (before.0 + 1, 1, 1);
            assert!(next_day || next_month || next_year, "{before:?} {year}-{month}-{day}");
            assert!((28..=31).contains(&before.2) || next_day);
            before = (year, month, day);
        }
    }
}
