//! Content negotiation (RFC 9110 §12): which medium a caller wants, and which coding.
//!
//! Owns the reading of `Accept`. Does not own what there is (`encode::Medium`).

use crate::{
    encode::Medium,
    problem::{Code, Problem},
    service::{Action, Entry},
};
use http::{HeaderMap, header};

/// One element of a list with quality values: `text/csv;header=present;q=0.5`.
pub(super) struct Weighted<'h> {
    /// What stands before the first `;`.
    pub(super) value: &'h str,
    /// The parameters but `q`.
    parameters: &'h str,
    /// In thousandths, 0 to 1000.
    pub(super) quality: u16,
}

/// The elements of all fields of this name; those that cannot be read are left out.
pub(super) fn weighted<'h>(
    headers: &'h HeaderMap,
    name: &header::HeaderName,
) -> impl Iterator<Item = Weighted<'h>> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|element| !element.is_empty())
        .map(|element| {
            let (value, parameters) = element.split_once(';').unwrap_or((element, ""));
            let quality = parameters
                .split(';')
                .find_map(|it| it.trim().strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('='))
                .map_or(1000, quality);
            Weighted { value: value.trim(), parameters, quality }
        })
}

/// A quality value in thousandths (RFC 9110 §12.4.2); 0 for what is none.
fn quality(text: &str) -> u16 {
    let text = text.trim();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|it| it.is_ascii_digit());
    match (whole, digits) {
        ("1", true) if decimals.bytes().all(|it| it == b'0') => 1000,
        ("0", true) => format!("{decimals:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

/// The medium of a route's answer: of rows alone, for nothing else has several.
///
/// # Errors
/// 406, listing what there is.
pub(super) fn of(entry: &Entry, headers: &HeaderMap) -> Result<Medium, Problem> {
    match &entry.action {
        Action::Endpoint(endpoint) if !endpoint.answers_nothing() => medium(headers),
        _ => Ok(Medium::Json),
    }
}

/// The medium of a caller with these header fields: the one of the highest quality; of several the
/// first of [`Medium::ALL`]. A caller that does not say takes JSON.
///
/// # Errors
/// 406, listing what there is.
fn medium(headers: &HeaderMap) -> Result<Medium, Problem> {
    let mut fields = headers.get_all(header::ACCEPT).iter();
    let only = (fields.next().map(http::HeaderValue::as_bytes), fields.next());
    if let (None | Some(b"*/*" | b"application/json"), None) = only {
        return Ok(Medium::Json);
    }
    let mut best: Option<(u16, Medium)> = None;
    for medium in Medium::ALL {
        let quality = quality_of(medium, headers);
        if quality > best.map_or(0, |(quality, _)| quality) {
            best = Some((quality, medium));
        }
    }
    best.map(|(_, medium)| medium).ok_or_else(|| {
        let there: Vec<&str> = Medium::ALL.map(Medium::essence).to_vec();
        Problem::new(Code::NotAcceptable)
            .detail(format!("`Accept` takes none of {}.", there.join(", ")))
    })
}

/// The quality that the most specific range gives to the medium.
fn quality_of(medium: Medium, headers: &HeaderMap) -> u16 {
    let mut best: Option<(u8, u16)> = None;
    for range in weighted(headers, &header::ACCEPT) {
        let Some(precision) = precision(medium, &range) else { continue };
        if best.is_none_or(|(known, quality)| (precision, range.quality) > (known, quality)) {
            best = Some((precision, range.quality));
        }
    }
    best.map_or(0, |(_, quality)| quality)
}

/// How precisely a range names the medium; `None` when it does not.
fn precision(medium: Medium, range: &Weighted<'_>) -> Option<u8> {
    let essence = medium.essence();
    let (kind, _) = essence.split_once('/')?;
    let (range_kind, range_name) = range.value.split_once('/')?;
    let aliases: &[&str] = match medium {
        Medium::Ndjson => &["application/ndjson", "application/jsonl", "application/x-jsonlines"],
        _ => &[],
    };
    if (range_kind, range_name) == ("*", "*") {
        return Some(0);
    }
    if range_name == "*" {
        return range_kind.eq_ignore_ascii_case(kind).then_some(1);
    }
    let named = range.value.eq_ignore_ascii_case(essence)
        || aliases.iter().any(|alias| range.value.eq_ignore_ascii_case(alias));
    let mut precision = named.then_some(2)?;
    for parameter in range.parameters.split(';').map(str::trim).filter(|it| !it.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => break,
            // All that is text here is UTF-8.
            "charset" if medium != Medium::Arrow && value.eq_ignore_ascii_case("utf-8") => {}
            "header" if medium == Medium::Csv && value.eq_ignore_ascii_case("present") => {}
            _ => return None,
        }
        precision = 3;
    }
    Some(precision)
}

/// The path without the suffix that asks for a medium, and that medium.
pub(super) fn suffix(path: &str) -> Option<(&str, Medium)> {
    let (stem, suffix) = path.rsplit_once('.')?;
    let medium = Medium::ALL.into_iter().find(|medium| medium.suffix() == suffix)?;
    (!stem.ends_with('/') && !stem.is_empty()).then_some((stem, medium))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;
    use http::HeaderValue;

    fn accept(values: &[&str]) -> Option<Medium> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ACCEPT, HeaderValue::from_str(value).unwrap());
        }
        medium(&headers).ok()
    }

    #[test]
    fn the_most_wanted_medium_is_chosen_and_json_where_all_are_alike() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (values, expected) in [
            (&[][..], Some(Medium::Json)),
            (&["*/*"], Some(Medium::Json)),
            (&[browser], Some(Medium::Json)),
            (&["application/*"], Some(Medium::Json)),
            (&["text/*"], Some(Medium::Csv)),
            (&["text/csv"], Some(Medium::Csv)),
            (&["TEXT/CSV ; Header=Present; charset=\"UTF-8\""], Some(Medium::Csv)),
            (&["text/csv;header=absent"], None),
            (&["text/csv;charset=latin1"], None),
            (&["application/x-ndjson, application/json;q=0.9"], Some(Medium::Ndjson)),
            (&["application/json;q=0.5", "application/jsonl"], Some(Medium::Ndjson)),
            (&["application/vnd.apache.arrow.stream"], Some(Medium::Arrow)),
            (&["*/*;q=0.1, application/json;q=0"], Some(Medium::Ndjson)),
            (&["application/json;q=0"], None),
            (&["text/csv;q=0.001, application/json;q=0.0"], Some(Medium::Csv)),
            (&["text/csv;q=0.5, */*;q=0.5"], Some(Medium::Json)),
            (&["text/csv;header=present;q=1, text/csv;q=0, */*;q=0"], Some(Medium::Csv)),
            (&["image/png"], None),
            (&["application/json;q=2"], None),
            (&["application/json;q=0.1234"], None),
            (&["nonsense,, ;"], None),
            (&[""], None),
        ] {
            assert_eq!(accept(values), expected, "{values:?}");
        }
    }

    #[test]
    fn a_suffix_asks_for_a_medium() {
        assert_eq!(suffix("/prices.csv"), Some(("/prices", Medium::Csv)));
        assert_eq!(suffix("/a.b/prices.ndjson"), Some(("/a.b/prices", Medium::Ndjson)));
        for none in ["/prices", "/prices.xml", "/.csv", ".csv", "/prices/.csv", "/prices.CSV"] {
            assert_eq!(suffix(none), None, "{none}");
        }
    }
}
