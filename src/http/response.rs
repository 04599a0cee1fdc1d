//! What is sent: answers and problems with their header fields.
//!
//! This is the one door from a failure to a caller.

mod body;

pub use body::{Aborted, Body, Pieces};

use super::body::ACCEPTED;
use super::request_id::{self, RequestId};
use crate::{
    endpoint::RowStream,
    problem::{Code, Problem},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// The media type of JSON.
pub const JSON: &str = "application/json";
/// The media type of plain text.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// An answer before it is a response.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The media type; `None` when there is no body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Body,
    /// Rows in it, for the log.
    pub rows: u64,
    /// The value of the `Allow` field.
    pub allow: Option<String>,
    /// The value of the `Vary` field.
    pub vary: Option<&'static str>,
    /// The value of the `Link` field.
    pub link: Option<HeaderValue>,
    /// Whether its validator and its coding are chosen.
    pub is_represented: bool,
    /// Rows that are still to come behind their first piece: the body is then nothing.
    pub stream: Option<Box<(RowStream, Bytes)>>,
}

impl Answer {
    /// 200 with a body.
    pub fn ok(content_type: &'static str, body: impl Into<Body>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: Some(content_type),
            body: body.into(),
            rows: 0,
            allow: None,
            vary: None,
            link: None,
            is_represented: false,
            stream: None,
        }
    }

    /// 204.
    pub fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            content_type: None,
            body: Body::from(""),
            rows: 0,
            allow: None,
            vary: None,
            link: None,
            is_represented: false,
            stream: None,
        }
    }

    /// Says which methods the path has.
    #[must_use]
    pub fn with_allow(mut self, methods: String) -> Self {
        self.allow = Some(methods);
        self
    }

    /// The response, with the fields that every response has.
    pub fn into_response(self, id: &RequestId) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(content_type) = self.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(methods) = self.allow.and_then(|it| HeaderValue::from_str(&it).ok()) {
            headers.insert(header::ALLOW, methods);
        }
        if let Some(vary) = self.vary {
            headers.insert(header::VARY, HeaderValue::from_static(vary));
        }
        if let Some(link) = self.link {
            headers.insert(header::LINK, link);
        }
        common(headers, id);
        response
    }
}

/// The problem as a response: a problem document, or for somebody with a browser a page.
pub fn problem(problem: &Problem, id: &RequestId, request: &HeaderMap) -> Response<Body> {
    let status =
        StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let html = matches!(problem.code(), Code::NotFound) && prefers_html(request);
    let (content_type, body) = if html {
        ("text/html; charset=utf-8", not_found_page().into_bytes())
    } else {
        ("application/problem+json", problem.to_json(id.as_str()).to_string().into_bytes())
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if problem.code() == Code::NotAcceptable {
        headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    }
    if let Some(seconds) = problem.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.code() == Code::UnsupportedEncoding {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED));
    }
    if let Some(methods) = problem.allowed().and_then(|it| HeaderValue::from_str(it).ok()) {
        headers.insert(header::ALLOW, methods);
    }
    common(headers, id);
    response
}

/// The fields of every response: nothing is sniffed, framed or embedded.
fn common(headers: &mut HeaderMap, id: &RequestId) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(request_id::FIELD, id);
    }
}

/// Whether `text/html` is wanted before JSON: by the quality values of `Accept` (RFC 9110 §12.5.1).
/// A caller that takes anything has no preference, and gets the problem document.
fn prefers_html(request: &HeaderMap) -> bool {
    let mut html = 0.0;
    let mut json = 0.0_f32;
    for range in request
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
    {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts
            .find_map(|parameter| parameter.strip_prefix("q="))
            .map_or(1.0, |quality| quality.parse().unwrap_or(0.0));
        match media_type.as_str() {
            "text/html" => html = quality,
            "application/problem+json" | "application/json" => json = json.max(quality),
            _ => {}
        }
    }
    html > json
}

fn not_found_page() -> String {
    "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>404 Not Found</title></head>\n\
     <body>\n<h1>Not Found</h1>\n<p>There is nothing at this address.</p>\n</body>\n</html>\n"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_a_page_and_a_program_a_problem() {
        let accept = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(value));
            prefers_html(&headers)
        };
        assert!(accept("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(accept("TEXT/HTML"));
        assert!(!accept("*/*"));
        assert!(!accept("application/json"));
        assert!(!accept("text/html;q=0.5, application/json"));
        assert!(!accept("text/html;q=0"));
        assert!(!prefers_html(&HeaderMap::new()));
    }
}
