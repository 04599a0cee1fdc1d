//! Durations and sizes as a person writes them.

use humantime::DurationError;
use std::time::Duration;

/// The units of a size and their bytes: the decimal ones of SI and the binary ones of IEC 80000-13.
const SIZES: [(&str, u64); 9] = [
    ("", 1),
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Bytes, of `1 MiB`, `64 KB` or `4096`. Whole numbers only: a size is exact.
///
/// # Errors
/// What is wrong, as a sentence without its full stop.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err("it does not begin with a whole number".into());
    }
    let unit = unit.trim_start();
    let Some((_, bytes)) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) else {
        return Err("the unit is none of B, KB, MB, GB, KiB, MiB, GiB, TiB".into());
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*bytes))
        .ok_or_else(|| "it is too large".into())
}

/// A duration, of `250ms`, `5s`, `2m`, `1h`, `30d` or a sum such as `1m30s`.
///
/// # Errors
/// What is wrong, as a sentence without its full stop.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text.trim()).map_err(|error| match error {
        DurationError::Empty => "it is empty".into(),
        DurationError::NumberExpected(0) => "it does not begin with a number".into(),
        DurationError::NumberExpected(_) => "a unit has no number before it".into(),
        DurationError::UnknownUnit { unit, .. } if unit.is_empty() => "the unit is missing".into(),
        DurationError::UnknownUnit { .. } => "the unit is none of ms, s, m, h, d".into(),
        DurationError::InvalidCharacter(_) => "it is not made of numbers and units".into(),
        DurationError::NumberOverflow => "it is too long".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("64 KB", 64_000),
            ("64kb", 64_000),
            ("1 MiB", 1_048_576),
            (" 2GiB ", 2 << 30),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5 MiB", "1 XB", "18446744073709551616", "99999999999 TiB"]
        {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_sums() {
        for (text, milliseconds) in [
            ("250ms", 250),
            ("5s", 5_000),
            ("2m", 120_000),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", "-5s", "5 parsecs", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
