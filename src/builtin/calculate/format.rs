//! Numbers as Python's `repr` writes them.

use super::number::Number;

/// `True`, `1024`, `3.5`, `1e+16`, `inf`.
pub(super) fn repr(number: &Number) -> String {
    match number {
        Number::Bool(true) => "True".into(),
        Number::Bool(false) => "False".into(),
        Number::Int(integer) => integer.to_string(),
        Number::Float(float) => repr_float(*float),
    }
}

/// The shortest digits that read back as the same float, of two equally near ones the even: plain
/// from 0.0001 up to 16 digits before the point, else with an exponent of two digits at least
/// (`float_repr_style` "short"). Ryū breaks ties as CPython does; the standard library does not.
fn repr_float(value: f64) -> String {
    if !value.is_finite() {
        let name = if value.is_nan() { "nan" } else { "inf" };
        return format!("{}{name}", if value == f64::NEG_INFINITY { "-" } else { "" });
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let (digits, point) = shortest(value.abs());
    match usize::try_from(point) {
        Ok(point) if (1..=16).contains(&point) => {
            let whole = digits.get(..point).unwrap_or(&digits);
            let fraction = digits.get(point..).filter(|it| !it.is_empty()).unwrap_or("0");
            format!("{sign}{whole:0<point$}.{fraction}")
        }
        _ if (-3..=0).contains(&point) => {
            let zeros = "0".repeat(usize::try_from(-point).unwrap_or(0));
            format!("{sign}0.{zeros}{digits}")
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            let exponent = point - 1;
            let direction = if exponent < 0 { '-' } else { '+' };
            format!("{sign}{first}{dot}{rest}e{direction}{:02}", exponent.unsigned_abs())
        }
    }
}

/// The shortest digits without zeros at either end, and how many stand before the point.
fn shortest(value: f64) -> (String, i32) {
    if value == 0.0 {
        return ("0".into(), 1);
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let leading = all.len() - digits.len();
    let point = i32::try_from(whole.len()).unwrap_or(0) - i32::try_from(leading).unwrap_or(0)
        + exponent.parse().unwrap_or(0);
    (digits.trim_end_matches('0').to_owned(), point)
}
