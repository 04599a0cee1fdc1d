//! A small JSON API on a listener of its own: a table of routes, and its `OpenAPI` document.
//!
//! Owns finding the route, who may call it (a guard decides), reading the body, and the document at
//! `/openapi.json`. Does not own what a route does; the keeper's rooms bring their entries.

mod document;

use super::{
    listener::Listener,
    plain,
    request_id::RequestId,
    response::{Answer, Body, JSON, problem},
};
use crate::problem::{Code, Problem};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;
use std::{collections::BTreeMap, future::Future, pin::Pin, rc::Rc, time::Duration};

/// How long a caller may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest body, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// What comes of it later, on this thread.
pub type Later<T> = Pin<Box<dyn Future<Output = T>>>;

/// Who calls, as the guard found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The principal's number.
    pub principal: i64,
    /// The principal, as the audit trail names it.
    pub name: String,
    /// The groups that it is in.
    pub groups: Vec<String>,
}

/// A request to an entry.
#[derive(Debug)]
pub struct Asked {
    /// The segments that the path names, by their names.
    pub segments: BTreeMap<String, String>,
    /// The query string.
    pub query: Option<String>,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Who calls; nobody on an entry that is open.
    pub caller: Option<Caller>,
}

impl Asked {
    /// The body as JSON; an empty one is an empty object.
    ///
    /// # Errors
    /// A problem for the caller when it is no JSON.
    pub fn json(&self) -> Result<Value, Problem> {
        if self.body.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&self.body)
            .map_err(|_| Problem::new(Code::MalformedBody).detail("The body is not JSON."))
    }
}

/// What an entry does.
pub type Handler = Rc<dyn Fn(Asked) -> Later<Result<Answer, Problem>>>;

/// Finds out who calls, by the request's header fields.
pub type Guard = Rc<dyn Fn(HeaderMap) -> Later<Result<Caller, Problem>>>;

/// A route of the API.
#[derive(Clone)]
pub struct Entry {
    /// The method.
    pub method: Method,
    /// The path: `/credentials/{name}`.
    pub path: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// The body's JSON Schema, when it takes one.
    pub takes: Option<Value>,
    /// The answer's status and JSON Schema.
    pub gives: (u16, Value),
    /// Whether anybody may call it: liveness and the like.
    pub open: bool,
    /// What it does.
    pub handler: Handler,
}

/// An answer of JSON with a status.
pub fn json(status: StatusCode, body: &Value) -> Answer {
    Answer { status, ..Answer::ok(JSON, body.to_string()) }
}

/// A handler of an asynchronous function.
pub fn handler<F, L>(function: F) -> Handler
where
    F: Fn(Asked) -> L + 'static,
    L: Future<Output = Result<Answer, Problem>> + 'static,
{
    Rc::new(move |asked| Box::pin(function(asked)))
}

/// The whole API.
pub struct Api {
    entries: Vec<Entry>,
    router: matchit::Router<Vec<usize>>,
    guard: Option<Guard>,
    document: String,
}

impl Api {
    /// The API of these entries. Without a guard everybody who reaches the listener may call it.
    ///
    /// # Errors
    /// Two entries that want the same requests, or a path that is none.
    pub fn new(
        title: &str,
        entries: Vec<Entry>,
        guard: Option<Guard>,
    ) -> Result<Self, matchit::InsertError> {
        let mut paths: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            paths.entry(entry.path).or_default().push(index);
        }
        let mut router = matchit::Router::new();
        for (path, indexes) in paths {
            router.insert(path, indexes)?;
        }
        let document = document::of(title, &entries, guard.is_some()).to_string();
        Ok(Self { entries, router, guard, document })
    }

    /// The `OpenAPI` document.
    pub fn document(&self) -> &str {
        &self.document
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let id = RequestId::of(request.headers());
        let headers = request.headers().clone();
        let outcome = match self.find(&request) {
            Ok(None) => Ok(Answer::ok(JSON, self.document.clone())),
            Ok(Some((entry, segments))) => self.call(entry, segments, request).await,
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(answer) => answer.into_response(&id),
            Err(refusal) => problem(&refusal, &id, &headers),
        }
    }

    /// The entry, or none for the document.
    #[expect(clippy::type_complexity, reason = "an entry with its segments")]
    fn find(
        &self,
        request: &Request<Incoming>,
    ) -> Result<Option<(&Entry, BTreeMap<String, String>)>, Problem> {
        let method = request.method();
        if request.uri().path() == "/openapi.json" {
            return if matches!(*method, Method::GET | Method::HEAD) {
                Ok(None)
            } else {
                Err(Problem::new(Code::MethodNotAllowed).allow("GET, HEAD"))
            };
        }
        let found = self.router.at(request.uri().path());
        let found = found.map_err(|_| Problem::new(Code::NotFound))?;
        let entries = || found.value.iter().map(|index| &self.entries[*index]);
        let entry = entries()
            .find(|it| it.method == method || it.method == Method::GET && method == Method::HEAD)
            .ok_or_else(|| {
                let methods: Vec<_> = entries().map(|it| it.method.as_str()).collect();
                Problem::new(Code::MethodNotAllowed).allow(methods.join(", "))
            })?;
        let segments =
            found.params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Some((entry, segments)))
    }

    async fn call(
        &self,
        entry: &Entry,
        segments: BTreeMap<String, String>,
        request: Request<Incoming>,
    ) -> Result<Answer, Problem> {
        let caller = match &self.guard {
            Some(guard) if !entry.open => Some(guard(request.headers().clone()).await?),
            _ => None,
        };
        let (parts, body) = request.into_parts();
        let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect())
            .await
            .map_err(|_| Problem::new(Code::RequestTimeout))?
            .map_err(|error| {
                let too_large = error.is::<http_body_util::LengthLimitError>();
                Problem::new(if too_large { Code::BodyTooLarge } else { Code::MalformedBody })
            })?
            .to_bytes();
        let query = parts.uri.query().map(str::to_owned);
        (entry.handler)(Asked { segments, query, headers: parts.headers, body, caller }).await
    }
}

/// Serves the API until it is dropped. Runs on this thread's `LocalSet`.
pub async fn serve(listener: &Listener, api: Rc<Api>) {
    plain::serve(listener, move |request| {
        let api = Rc::clone(&api);
        async move { api.answer(request).await }
    })
    .await;
}
