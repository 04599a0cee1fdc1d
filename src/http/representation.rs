//! An answer as the representation that a caller takes: its validator (RFC 9110 §8.8) and its coding.
//!
//! Owns `ETag`, 304 and whether an answer is worth compressing. Does not own the codings (`coding`).

use super::{
    coding::{self, Coding},
    gate::Fields,
    negotiation::weighted,
    response::{Answer, Body},
};
use crate::{
    config::Answers,
    problem::{Code, Problem},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Bytes of a hash that are in a validator: 96 bits, far more than chance or a caller's own rows can
/// make meet.
const VALIDATOR_BYTES: usize = 12;

/// The coding of the answer to this request, which is asked before anything runs: of a GET alone, for
/// nobody turns down the answer to a change that was made.
///
/// # Errors
/// 406: the caller refuses every coding, and none.
pub(super) fn coding(parts: &Parts, answers: &Answers) -> Result<Option<Coding>, Problem> {
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
pub(super) fn finish(
    parts: &Parts,
    answers: &Answers,
    (coding, fields): (Option<Coding>, &mut Fields),
    answer: &mut Answer,
) {
    let is_read = matches!(parts.method, Method::GET | Method::HEAD);
    if answer.vary.is_none() || answer.status != StatusCode::OK || !is_read {
        return;
    }
    let body = std::mem::replace(&mut answer.body, Body::from(""));
    answer.body = match body {
        Body::Whole(bytes) => {
            let large = bytes.len() as u64 >= answers.compression_from;
            let coding = coding.filter(|_| large);
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
            match coding.and_then(|it| Some((it, coding::whole(it, &bytes).ok()?))) {
                Some((coding, coded)) => {
                    name_coding(coding, fields);
                    coded.into()
                }
                None => Body::Whole(bytes),
            }
        }
        Body::Stream(pieces) => match coding {
            Some(coding) => {
                name_coding(coding, fields);
                coding::stream(coding, pieces)
            }
            None => Body::Stream(pieces),
        },
    };
}

fn name_coding(coding: Coding, fields: &mut Fields) {
    fields.extend([(header::CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()))]);
}

/// A strong validator: the same bytes have the same, and each coding of them its own.
fn validator(bytes: &[u8], coding: Option<Coding>) -> String {
    let mut text = String::with_capacity(2 * VALIDATOR_BYTES + 8);
    text.push('"');
    for byte in &Sha256::digest(bytes)[..VALIDATOR_BYTES] {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    if let Some(coding) = coding {
        text.push('-');
        text.push_str(coding.as_str());
    }
    text.push('"');
    text
}

/// Whether `If-None-Match` names the validator, by the weak comparison (RFC 9110 §13.1.2).
fn matches(headers: &HeaderMap, validator: &str) -> bool {
    weighted(headers, &header::IF_NONE_MATCH)
        .any(|it| it.value == "*" || it.value.strip_prefix("W/").unwrap_or(it.value) == validator)
}
