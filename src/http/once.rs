//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): what a key may be, and answers that
//! are given again.
//!
//! Does not own how a write is carried out once (`service`).

use super::{
    gate::{self, Fields},
    response::Answer,
};
use crate::{
    access::Caller,
    definition::file::{Idempotency, Repeats},
    encode::Medium,
    endpoint::Endpoint,
    problem::{Code, Problem, sqlstate::Statement},
    service::{Action, Entry, NotMade, Once, Outcome, Record, Serving},
    value::Argument,
};
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};

/// The field that has the key.
pub(super) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The field of an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key, in characters.
const LONGEST: usize = 255;

/// The request as one that is to be carried out once; `None` where that is not asked for.
///
/// # Errors
/// 400 for a key that is none, or is missing where one is needed.
pub(super) fn of(
    serving: &Serving,
    entry: &Entry,
    caller: &Caller,
    parts: &Parts,
) -> Result<Option<Once>, Problem> {
    let Some(repeats) = repeats(entry).filter(|it| it.keeps_answers()) else { return Ok(None) };
    let Some(key) = key(&parts.headers)? else {
        return match repeats.idempotency {
            Idempotency::Required => Err(Problem::new(Code::IdempotencyKeyMissing).detail(
                "Send `Idempotency-Key` with a string that no other request has, such as a UUID.",
            )),
            Idempotency::Offered | Idempotency::Unkept => Ok(None),
        };
    };
    let mut once = Once::new(&serving.service.config.service.name, caller, &key);
    once.asks(parts.method.as_str().as_bytes());
    once.asks(parts.uri.path().as_bytes());
    once.asks(caller.role().unwrap_or_default().as_bytes());
    if let Action::Bulk(_) = entry.action {
        let media_type = parts.headers.get(header::CONTENT_TYPE);
        once.asks(media_type.map(HeaderValue::as_bytes).unwrap_or_default());
    }
    Ok(Some(once))
}

fn repeats(entry: &Entry) -> Option<&Repeats> {
    match &entry.action {
        Action::Endpoint(it) => Some(&it.definition.repeats),
        Action::Bulk(it) => Some(&it.definition.repeats),
        _ => None,
    }
}

/// Carries a write out. One whose connection broke is tried once more: with a key that is safe.
///
/// # Errors
/// Why it was not carried out; what the log says of that goes to `refused`.
pub(super) async fn run(
    serving: &Serving,
    (entry, caller): (&Entry, &Caller),
    (endpoint, medium, record): (&Endpoint, Medium, Option<&Record>),
    arguments: &[Argument],
    mut once: Once,
    refused: &mut Option<String>,
) -> Result<Outcome, Problem> {
    for argument in arguments {
        once.asks_with(argument);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let permit = gate::under(serving, entry.policy.permit(caller)?, caller)?;
        match serving.once(permit, (endpoint, medium), arguments, &once, record).await {
            Ok(outcome) => return Ok(outcome),
            Err(NotMade::Failed { again: true, .. }) if tries == 1 => {}
            Err(not_made) => {
                *refused = not_made.log_reason().map(str::to_owned);
                return Err(not_made.problem(Statement::Write, endpoint.max_rows()));
            }
        }
    }
}

/// What is answered; one that was kept says so in `fields`.
///
/// # Errors
/// What was kept is that there is no such thing, or is nothing that an answer can be.
pub(super) fn answer(
    serving: &Serving,
    outcome: Outcome,
    vary: Option<&'static str>,
    fields: &mut Fields,
) -> Result<Answer, Problem> {
    let kept = match outcome {
        Outcome::Made(kept) => kept,
        Outcome::Replayed(kept) => {
            serving.replayed();
            fields.push((REPLAYED, HeaderValue::from_static("true")));
            kept
        }
    };
    match kept.status {
        204 => return Ok(Answer::no_content()),
        404 => return Err(Problem::new(Code::RowNotFound)),
        _ => {}
    }
    let known = Medium::ALL.map(Medium::content_type);
    let content_type = known.into_iter().find(|it| *it == kept.media_type);
    let content_type = content_type.ok_or_else(|| Problem::new(Code::Internal))?;
    Ok(Answer { vary, rows: kept.rows, ..Answer::ok(content_type, kept.body) })
}

/// The request's key, when it has one: a String (RFC 9651 §3.3.3), or the same without its quotes, as
/// most clients write it.
///
/// # Errors
/// It is none.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let invalid = |detail: &str| Err(Problem::new(Code::IdempotencyKeyInvalid).detail(detail));
    let mut fields = headers.get_all(KEY).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return invalid("`Idempotency-Key` is given more than once.");
    }
    let key = match field.as_bytes() {
        [b'"', inner @ .., b'"'] => unescaped(inner),
        bare => bare.iter().all(|byte| BARE.contains(byte)).then(|| bare.to_vec()),
    };
    let Some(key) = key.and_then(|key| String::from_utf8(key).ok()) else {
        return invalid(
            "`Idempotency-Key` takes a string in quotes, of printable ASCII characters, or letters, \
             digits and - . _ ~ + / = : without quotes.",
        );
    };
    match key.len() {
        1..=LONGEST => Ok(Some(key)),
        0 => invalid("`Idempotency-Key` is empty."),
        _ => invalid("`Idempotency-Key` is longer than 255 characters."),
    }
}

/// The bytes of a key without quotes.
const BARE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=:";

/// What stands between the quotes of a String.
fn unescaped(inner: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => bytes.next().filter(|it| matches!(it, b'"' | b'\\'))?,
            b'"' => return None,
            b' '..=b'~' => byte,
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<String>, Code> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(KEY, HeaderValue::from_bytes(value).unwrap());
        }
        key(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn keys_are_strings_with_or_without_quotes() {
        let good = |value: &str, key: &str| {
            assert_eq!(read(&[value.as_bytes()]), Ok(Some(key.to_owned())), "{value}");
        };
        assert_eq!(read(&[]), Ok(None));
        good("\"8e03978e-40d5\"", "8e03978e-40d5");
        good("8e03978e-40d5", "8e03978e-40d5");
        good(r#""a \"b\" \\ c""#, r#"a "b" \ c"#);
        good("AZaz09-._~+/=:", "AZaz09-._~+/=:");
        good(&format!("\"{}\"", "x".repeat(255)), &"x".repeat(255));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = "x".repeat(256);
        let bad: [&[u8]; 14] = [
            b"",
            b"\"\"",
            b"\"",
            b"\"a",
            b"a\"",
            b"a b",
            b"a, b",
            b"a;b=c",
            b"\"a\";b=c",
            b"\"a\\n\"",
            b"\"a\\\"",
            b"\"a\"b\"",
            b"\"\xc3\xa9\"",
            long.as_bytes(),
        ];
        for value in bad {
            let shown = String::from_utf8_lossy(value);
            assert_eq!(read(&[value]), Err(Code::IdempotencyKeyInvalid), "{shown}");
        }
        assert_eq!(read(&[b"a", b"a"]), Err(Code::IdempotencyKeyInvalid));
    }
}
