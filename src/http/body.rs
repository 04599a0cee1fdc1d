//! Request bodies: read whole, within a limit and a time, or as they come (`stream`).

mod encoding;
mod stream;

pub(super) use encoding::ACCEPTED;
pub(super) use stream::{Stream, rows};

use crate::{
    config::Limits,
    problem::{Code, Problem},
};
use bytes::Bytes;
use encoding::Encoding;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};

/// A body by its media type.
pub(super) enum Content {
    /// There is none.
    None,
    /// `application/json`, or a type that ends in `+json`.
    Json(Bytes),
    /// `application/x-www-form-urlencoded`.
    Form(Bytes),
}

/// Reads the body of a request.
///
/// # Errors
/// 413 when it is larger than the limit, 415 when no endpoint reads its media type, 408 when it
/// does not come in time, 400 when it breaks off.
pub(super) async fn read(
    headers: &HeaderMap,
    stream: Incoming,
    limits: &Limits,
) -> Result<Content, Problem> {
    if stream.is_end_stream() {
        return Ok(Content::None);
    }
    let too_large = || {
        Problem::new(Code::BodyTooLarge)
            .detail(format!("The service takes bodies of up to {} bytes.", limits.body))
    };
    if stream.size_hint().lower() > limits.body {
        return Err(too_large());
    }
    let wrap = wrapping(headers)?;
    if encoding::of(headers)? != Encoding::Identity {
        let stream = Stream::new(headers, stream, limits.body, limits.body_timeout)?;
        let whole = tokio::time::timeout(limits.body_timeout, stream.collect()).await;
        let bytes = whole.unwrap_or_else(|_| Err(Problem::new(Code::RequestTimeout)))?;
        return Ok(if bytes.is_empty() { Content::None } else { wrap(bytes) });
    }
    let limit = usize::try_from(limits.body).unwrap_or(usize::MAX);
    let collect = Limited::new(stream, limit).collect();
    match tokio::time::timeout(limits.body_timeout, collect).await {
        Ok(Ok(collected)) => {
            let bytes = collected.to_bytes();
            Ok(if bytes.is_empty() { Content::None } else { wrap(bytes) })
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Code::MalformedBody).detail("The body broke off.")),
        Err(_) => Err(Problem::new(Code::RequestTimeout)),
    }
}

/// What the body's media type makes of it.
fn wrapping(headers: &HeaderMap) -> Result<fn(Bytes) -> Content, Problem> {
    let unsupported = |detail: &str| Err(Problem::new(Code::UnsupportedMediaType).detail(detail));
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return unsupported("The body has no Content-Type; application/json is read.");
    };
    let (media_type, parameters) = split(value);
    if !is_utf8(&parameters) {
        return unsupported("The body must be UTF-8.");
    }
    match media_type.as_str() {
        "application/json" => Ok(Content::Json),
        "application/x-www-form-urlencoded" => Ok(Content::Form),
        other if other.starts_with("application/") && other.ends_with("+json") => Ok(Content::Json),
        _ => unsupported("application/json and application/x-www-form-urlencoded are read."),
    }
}

/// A media type and its parameters, in lower case.
fn split(value: &HeaderValue) -> (String, String) {
    let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let (media_type, parameters) = text.split_once(';').unwrap_or((&text, ""));
    (media_type.trim().to_owned(), parameters.to_owned())
}

/// The value of a media type's parameter.
fn parameter<'p>(parameters: &'p str, name: &str) -> Option<&'p str> {
    parameters.split(';').find_map(|it| {
        let (known, value) = it.trim().split_once('=')?;
        (known == name).then_some(value.trim_matches('"'))
    })
}

fn is_utf8(parameters: &str) -> bool {
    parameter(parameters, "charset").is_none_or(|charset| charset == "utf-8")
}
