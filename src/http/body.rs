//! Request bodies: read whole, within a limit and a time.

use crate::{
    config::Limits,
    problem::{Code, Problem},
};
use bytes::Bytes;
use http::{HeaderMap, header};
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
    if headers.get(header::CONTENT_ENCODING).is_some_and(|it| it.as_bytes() != b"identity") {
        return unsupported("The body must not be compressed.");
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return unsupported("The body has no Content-Type; application/json is read.");
    };
    let text = value.to_str().unwrap_or_default();
    let (media_type, parameters) = text.split_once(';').unwrap_or((text, ""));
    let media_type = media_type.trim().to_ascii_lowercase();
    let charset = parameters.split(';').find_map(|it| it.trim().strip_prefix("charset="));
    if charset.is_some_and(|it| !it.trim_matches('"').eq_ignore_ascii_case("utf-8")) {
        return unsupported("The body must be UTF-8.");
    }
    match media_type.as_str() {
        "application/json" => Ok(Content::Json),
        "application/x-www-form-urlencoded" => Ok(Content::Form),
        other if other.starts_with("application/") && other.ends_with("+json") => Ok(Content::Json),
        _ => unsupported("application/json and application/x-www-form-urlencoded are read."),
    }
}
