//! An answer as the representation that a caller takes: its validator (RFC 9110 §8.8) and its coding.
//!
//! Owns `ETag`, 304 and whether an answer is worth compressing. Does not own the codings (`coding`).

use super::{
    coding::{self, Coding, Wanted},
    gate::Fields,
    negotiation::weighted,
    response::{Answer, Body},
};
use crate::{
    config::Answers,
    problem::{Code, Problem},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use twox_hash::XxHash3_128;

/// The coding of the answer to this request, which is asked before anything runs: of a GET alone, for
/// nobody turns down the answer to a change that was made.
///
/// # Errors
/// 406: the caller refuses every coding, and none.
pub(super) fn coding(parts: &Parts, answers: &Answers) -> Result<Option<Wanted>, Problem> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(None);
    }
    let wanted = coding::wanted(&parts.headers).map_err(|()| {
        Problem::new(Code::NotAcceptable)
            .detail("`Accept-Encoding` takes none of zstd, br, gzip and identity.")
    })?;
    Ok(wanted.filter(|_| answers.compression))
}

/// Gives a 200 of rows its validator and its coding, or makes it a 304.
pub(super) async fn finish(
    parts: &Parts,
    answers: &Answers,
    (wanted, fields): (Option<Wanted>, &mut Fields),
    answer: &mut Answer,
) {
    let is_read = matches!(parts.method, Method::GET | Method::HEAD);
    if answer.is_represented || answer.vary.is_none() || answer.status != StatusCode::OK || !is_read
    {
        return;
    }
    let body = std::mem::replace(&mut answer.body, Body::from(""));
    answer.body = match body {
        Body::Whole(bytes) => {
            let coding = worth(answers, wanted, &bytes);
            let validator = validator(&bytes, coding);
            let known = matches(&parts.headers, &validator);
            if let Ok(value) = HeaderValue::from_str(&validator) {
                fields.extend([(header::ETAG, value)]);
            }
            if known {
                answer.status = StatusCode::NOT_MODIFIED;
                answer.content_type = None;
                return;
            }
            match coded(coding, &bytes).await {
                Some((coding, coded)) => {
                    name_coding(coding, fields);
                    coded.into()
                }
                None => Body::Whole(bytes),
            }
        }
        Body::Stream(pieces) => match wanted {
            Some(Wanted { coding, .. }) => {
                name_coding(coding, fields);
                coding::stream(coding, pieces)
            }
            None => Body::Stream(pieces),
        },
    };
}

/// The coding of a whole answer: of a small one only for a caller who takes no other.
fn worth(answers: &Answers, wanted: Option<Wanted>, bytes: &Bytes) -> Option<Coding> {
    let is_large = bytes.len() as u64 >= answers.compression_from;
    wanted.filter(|it| is_large || it.always).map(|it| it.coding)
}

/// The bytes in their coding. What few answers take has a box, as in `pipeline`.
async fn coded(coding: Option<Coding>, bytes: &Bytes) -> Option<(Coding, Vec<u8>)> {
    let coding = coding?;
    Some((coding, Box::pin(coding::whole(coding, bytes)).await.ok()?))
}

/// A whole answer as it is sent: its body, its validator, and its coding where it has one.
pub(super) async fn represent(
    answers: &Answers,
    wanted: Option<Wanted>,
    body: &Body,
) -> Option<(Bytes, String, Option<Coding>)> {
    let Body::Whole(bytes) = body else { return None };
    Some(match coded(worth(answers, wanted, bytes), bytes).await {
        Some((coding, coded)) => (coded.into(), validator(bytes, Some(coding)), Some(coding)),
        None => (bytes.clone(), validator(bytes, None), None),
    })
}

/// Gives an answer whose body is as it is sent its fields, or makes it a 304.
pub(super) fn name(
    parts: &Parts,
    (validator, coding): (&str, Option<&'static str>),
    fields: &mut Fields,
    answer: &mut Answer,
) {
    answer.is_represented = true;
    fields.extend(HeaderValue::from_str(validator).ok().map(|value| (header::ETAG, value)));
    if matches(&parts.headers, validator) {
        answer.status = StatusCode::NOT_MODIFIED;
        answer.content_type = None;
        answer.body = Body::from("");
        return;
    }
    let coding = coding.map(|it| (header::CONTENT_ENCODING, HeaderValue::from_static(it)));
    fields.extend(coding);
}

fn name_coding(coding: Coding, fields: &mut Fields) {
    fields.extend([(header::CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()))]);
}

/// A strong validator: the same bytes have the same, on every instance, and each coding of them its
/// own. XXH3 of 128 bits: chance does not make two answers meet, and whoever chooses an answer's rows
/// to make them meet could as well have left them as they were.
fn validator(bytes: &[u8], coding: Option<Coding>) -> String {
    let hash = XxHash3_128::oneshot(bytes).to_be_bytes();
    let coding = coding.map_or("", Coding::as_str);
    let mut text = String::with_capacity(2 * hash.len() + coding.len() + 3);
    text.push('"');
    for byte in hash {
        text.extend([byte >> 4, byte & 0xf].map(digit));
    }
    if !coding.is_empty() {
        text.push('-');
        text.push_str(coding);
    }
    text.push('"');
    text
}

/// The hexadecimal digit of a number below 16.
pub(super) fn digit(half: u8) -> char {
    char::from(if half < 10 { b'0' + half } else { b'a' - 10 + half })
}

/// Whether `If-None-Match` names the validator, by the weak comparison (RFC 9110 §13.1.2).
fn matches(headers: &HeaderMap, validator: &str) -> bool {
    weighted(headers, &header::IF_NONE_MATCH)
        .any(|it| it.value == "*" || it.value.strip_prefix("W/").unwrap_or(it.value) == validator)
}
