//! The one pipeline, from request to response, a function for each arrow:
//! `Request → Route → Caller → Permit → Arguments → Lane::run → rows → Answer → Response`.
//!
//! Owns the order of the stages. Each stage's work is in its own room.

use super::{
    arguments::{self, Incoming, IncomingBody},
    body::{self, Content},
    cached,
    coding::Wanted,
    detached, gate, head, links, logged, negotiation, once, representation,
    request_id::RequestId,
    response::{self, Answer, Body},
    stream::Streaming,
    tool,
};
use crate::{
    access::{
        Caller, Permit, address,
        limit::{Count, Limiter},
    },
    encode::Medium,
    endpoint::{Endpoint, bulk::Bulk},
    event::{Event, Observer},
    lane::{Failure, Stop},
    problem::{Code, Problem, sqlstate::Statement},
    service::{self, Action, Entry, Found, NotGiven, Once, Record, Serving},
    value::Argument,
};
use http::{Method, Request, Response, Version};
use hyper::body::{Body as _, Incoming as IncomingStream};
use std::{net::IpAddr, sync::Arc, time::Instant};

/// The request's fields that the answer of an endpoint depends on.
pub(super) const VARY: &str = "Accept, Accept-Encoding";

/// What a request has become by the time it is answered, for the log and the answer's fields.
#[derive(Default)]
struct Trail<'s> {
    entry: Option<&'s Entry>,
    /// Who asks, where the audit trail or the log wants to know.
    caller: Caller,
    /// Whether the audit trail has a record of its own of the request, or is to have one.
    recorded: bool,
    request_id: &'s str,
    signed_in: bool,
    counts: Vec<(Arc<Limiter>, Count)>,
    fields: gate::Fields,
    coding: Option<Wanted>,
    route: &'s str,
    refused: Option<String>,
    tool_failed: Option<String>,
}

/// Answers one request that came from `peer`, nowhere on a unix socket.
pub(super) async fn answer(
    serving: &Serving,
    request: Request<IncomingStream>,
    peer: Option<IpAddr>,
    observer: &Observer,
) -> Response<Body> {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let (mut parts, stream) = request.into_parts();
    let mut trail = Trail { request_id: id.as_str(), ..Trail::default() };
    let outcome = run(serving, &mut parts, stream, peer, &mut trail).await;
    if let Err(problem) = &outcome {
        gate::challenge(serving, trail.entry, problem, &mut trail.fields);
        count_refusal(serving, &trail, problem.code());
    }
    gate::tell(&trail.counts, &mut trail.fields);
    let (mut response, rows, code) = match outcome {
        Ok(mut answer) => {
            let rows = answer.rows;
            if let Some(stream) = answer.stream.take() {
                let body = Streaming::new(*stream, observer, &id, trail.route, started);
                answer.body = Body::stream(body);
            }
            let answers = &serving.service.config.answers;
            let given = (trail.coding, &mut trail.fields);
            representation::finish(&parts, answers, given, &mut answer).await;
            (answer.into_response(&id), rows, None)
        }
        Err(problem) => {
            (response::problem(&problem, &id, &parts.headers), 0, Some(problem.code().slug()))
        }
    };
    response.headers_mut().extend(std::mem::take(&mut trail.fields));
    serving.service.shield.cover(&parts.headers, response.headers_mut(), trail.signed_in);
    if let Some(sqlstate) = &trail.refused {
        observer(&Event::Refused { request_id: id.as_str(), endpoint: trail.route, sqlstate });
    }
    if let Some(reason) = &trail.tool_failed {
        observer(&Event::ToolFailed { request_id: id.as_str(), reason });
    }
    observer(&Event::Answered {
        request_id: id.as_str(),
        method: known(&parts.method),
        route: trail.route,
        status: response.status().as_u16(),
        code,
        rows,
        bytes: response.body().size_hint().exact().unwrap_or(0),
        duration: started.elapsed(),
        address: logged::address(serving, &parts.headers, peer),
        caller: logged::caller(serving, &trail.caller).as_deref(),
    });
    response
}

/// Tells the audit trail of a refusal that has no record of its own, where it wants to know.
fn count_refusal(serving: &Serving, trail: &Trail<'_>, code: Code) {
    if let Some(entry) = trail.entry.filter(|_| !trail.recorded && serving.service.is_audited) {
        let is_audited = entry.is_audited() && code.status() < 500;
        serving.count_refusal(&entry.name(), &trail.caller, code, is_audited);
    }
}

/// The method for the log; one that nobody knows may be anything.
fn known(method: &Method) -> &str {
    const KNOWN: &[Method] = &[
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
    ];
    if KNOWN.contains(method) { method.as_str() } else { "other" }
}

/// What not every request takes has a box of its own: each request's future is moved as a whole, and is
/// as large as the largest of what it may wait for.
async fn run<'s>(
    serving: &'s Serving,
    parts: &mut http::request::Parts,
    stream: IncomingStream,
    peer: Option<IpAddr>,
    trail: &mut Trail<'s>,
) -> Result<Answer, Problem> {
    let (entry, segments, medium) = match route(serving, parts)? {
        Routed::Entry(entry, segments, medium) => (entry, segments, medium),
        Routed::Options(answer) => {
            trail.fields = serving.service.shield.preflight(&parts.headers);
            return Ok(answer);
        }
    };
    trail.route = entry.path.as_str();
    trail.entry = Some(entry);
    let (caller, permit) = admit(serving, entry, parts, peer, trail).await?;
    // Its parameters are typed when the database is back.
    if let Action::Pending(_) = entry.action {
        return Err(Problem::new(Code::DatabaseUnavailable));
    }
    let once = once::of(serving, entry, &caller, parts)?;
    let record = entry.is_audited().then(|| Record::new(&caller, &entry.name(), trail.request_id));
    if let Action::Bulk(bulk) = &entry.action {
        let nothing = Incoming {
            path: &segments,
            query: parts.uri.query(),
            headers: &parts.headers,
            body: IncomingBody::None,
            claims: None,
        };
        arguments::read(&[], &nothing, 1)?;
        let permit = gate::under(serving, permit, &caller)?;
        let what = (&**bulk, once, record);
        return Box::pin(run_bulk(serving, permit, what, parts, stream, trail)).await;
    }
    let medium = match medium {
        Some(medium) => medium,
        None => negotiation::of(entry, &parts.headers)?,
    };
    trail.coding = representation::coding(parts, &serving.service.config.answers)?;
    let arguments = take_arguments(serving, entry, &segments, parts, stream, &caller).await?;
    if let Action::Endpoint(endpoint) = &entry.action {
        // Links to other pages are made of the target.
        detached::detach(parts, endpoint.paging.is_some());
    }
    match &entry.action {
        Action::Endpoint(endpoint) => {
            let record = record.map(|it| it.with_arguments(&arguments));
            let record = record.as_ref();
            if let Some(once) = once {
                let _ = gate::under(serving, permit, &caller)?;
                trail.recorded = record.is_some();
                let (whose, what) = ((entry, &caller), (&**endpoint, medium, record));
                let outcome = once::run(serving, whose, what, &arguments, once, &mut trail.refused);
                let outcome = Box::pin(outcome).await?;
                return once::answer(serving, outcome, Some(VARY), &mut trail.fields);
            }
            let permit = gate::under(serving, permit, &caller)?;
            trail.recorded = record.is_some();
            let streams = endpoint.streams() && parts.version != Version::HTTP_10;
            let asked = Asked { endpoint, medium, streams, query: parts.uri.query(), record };
            let Some(cache) = cached::of(endpoint) else {
                return run_endpoint(serving, permit, asked, &arguments, trail).await;
            };
            let whose = (entry, &caller);
            let how = (cache, medium, trail.coding);
            let run = run_endpoint(serving, permit, asked, &arguments, trail);
            let given = cached::run(serving, whose, endpoint, how, &arguments, parts, run);
            let given = Box::pin(given).await?;
            trail.fields.extend(given.1);
            Ok(given.0)
        }
        Action::Pending(_) => Err(Problem::new(Code::DatabaseUnavailable)),
        _ => tool::run(serving, permit, entry, &arguments, &mut trail.tool_failed).await,
    }
}

enum Routed<'s, 'p> {
    /// A route, the path's segments, and the medium that the path's suffix asks for.
    Entry(&'s Entry, Vec<(&'s str, &'p str)>, Option<Medium>),
    Options(Answer),
}

/// Request → Route.
fn route<'s, 'p>(
    serving: &'s Serving,
    parts: &'p http::request::Parts,
) -> Result<Routed<'s, 'p>, Problem> {
    head::well_formed(parts)?;
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > serving.service.config.limits.uri {
        return Err(Problem::new(Code::UriTooLong));
    }
    if parts.method == Method::OPTIONS && parts.uri.path() == "*" {
        return Ok(Routed::Options(Answer::no_content()));
    }
    if serving.service.config.answers.suffixes
        && let Some((stem, medium)) = negotiation::suffix(parts.uri.path())
        && let Found::Entry(entry, segments) = serving.service.find(&parts.method, stem)
        && matches!(&entry.action, Action::Endpoint(it) if !it.answers_nothing())
    {
        return Ok(Routed::Entry(entry, segments, Some(medium)));
    }
    match serving.service.find(&parts.method, parts.uri.path()) {
        Found::Entry(entry, segments) => Ok(Routed::Entry(entry, segments, None)),
        Found::OtherMethods(allow) if parts.method == Method::OPTIONS => {
            Ok(Routed::Options(Answer::no_content().with_allow(allow)))
        }
        Found::OtherMethods(allow) => Err(Problem::new(Code::MethodNotAllowed).allow(allow)),
        Found::Nothing => Err(Problem::new(Code::NotFound)),
    }
}

/// → Caller → Permit, before anything of the body is read: whoever asks too often is turned away
/// before a credential is looked at, and whoever is not let in sends no body in vain.
async fn admit<'s>(
    serving: &'s Serving,
    entry: &'s Entry,
    parts: &http::request::Parts,
    peer: Option<IpAddr>,
    trail: &mut Trail<'s>,
) -> Result<(Caller, Permit), Problem> {
    let address = if entry.limiters.is_empty() {
        None
    } else {
        address::of_caller(peer, &parts.headers, &serving.service.config.proxies)
    };
    gate::count(entry, address, None, &mut trail.counts)?;
    let caller = gate::identify(serving, entry, parts).await?;
    trail.signed_in = !caller.is_anonymous();
    if serving.service.is_audited || serving.service.config.log.callers {
        trail.caller = caller.clone();
    }
    gate::count(entry, address, Some(&caller), &mut trail.counts)?;
    let permit = entry.policy.permit(&caller)?;
    Ok((caller, permit))
}

/// → Arguments.
async fn take_arguments(
    serving: &Serving,
    entry: &Entry,
    segments: &[(&str, &str)],
    parts: &http::request::Parts,
    stream: IncomingStream,
    caller: &Caller,
) -> Result<Vec<Argument>, Problem> {
    let limits = &serving.service.config.limits;
    let content = if entry.method.has_body() {
        body::read(&parts.headers, stream, limits).await?
    } else {
        Content::None
    };
    let incoming = Incoming {
        path: segments,
        query: parts.uri.query(),
        headers: &parts.headers,
        claims: caller.claims(),
        body: match &content {
            Content::None => IncomingBody::None,
            Content::Json(bytes) => IncomingBody::Json(bytes),
            Content::Form(bytes) => IncomingBody::Form(bytes),
        },
    };
    arguments::read(entry.parameters(), &incoming, limits.json_depth)
}

/// What is asked of an endpoint, beside its arguments.
#[derive(Clone, Copy)]
struct Asked<'a> {
    endpoint: &'a Endpoint,
    medium: Medium,
    /// Whether rows are streamed. HTTP/1.0 has no way to show that a stream broke off, so there an
    /// answer is whole.
    streams: bool,
    /// What stands behind the `?`.
    query: Option<&'a str>,
    /// What the audit trail is told, of an audited endpoint.
    record: Option<&'a Record>,
}

/// Permit → `Lane::run` → rows → Answer.
async fn run_endpoint(
    serving: &Serving,
    permit: Permit,
    Asked { endpoint, medium, streams, query, record }: Asked<'_>,
    arguments: &[Argument],
    trail: &mut Trail<'_>,
) -> Result<Answer, Problem> {
    let told = |not_given: NotGiven, trail: &mut Trail<'_>| {
        trail.refused = service::log_reason(not_given.failure()).map(str::to_owned);
        let statement =
            if endpoint.definition.method.has_body() { Statement::Write } else { Statement::Read };
        not_given.problem(statement, endpoint.max_rows())
    };
    if streams {
        let outcome = Box::pin(serving.stream(permit, endpoint, arguments, medium)).await;
        let (rows, first) = outcome.map_err(|failure| told(failure.into(), trail))?;
        let mut answer = Answer { vary: Some(VARY), ..Answer::ok(medium.content_type(), "") };
        if rows.is_complete() {
            answer.rows = rows.rows();
            answer.body = first.into();
        } else {
            answer.stream = Some(Box::new((rows, first)));
        }
        return Ok(answer);
    }
    let cursors = &serving.service.cursors;
    let page = endpoint.paging.as_ref().map(|it| it.page(arguments, cursors)).transpose()?;
    let page_of = page.as_ref();
    let outcome = match record {
        None => {
            let outcome = serving.run(permit, endpoint, arguments, page_of, medium).await;
            outcome.map_err(NotGiven::Failed)
        }
        Some(record) => {
            let asked = service::Audited { endpoint, medium, arguments, page: page_of, record };
            Box::pin(serving.audited(permit, asked)).await
        }
    };
    let mut done = outcome.map_err(|not_given| told(not_given, trail))?;
    let link = page.as_ref().map(|page| {
        let next = done.sink.take_page_end();
        let next = next.and_then(|keys| page.cursor(&keys, cursors));
        links::field(query, page.limit(), next.as_deref())
    });
    if endpoint.answers_nothing() {
        return Ok(Answer::no_content());
    }
    if endpoint.wants_a_row() && done.rows == 0 {
        return Err(Problem::new(Code::RowNotFound));
    }
    let bytes = done.sink.finish();
    let bytes = bytes.map_err(|_| told(Failure::Stopped(Stop::Malformed).into(), trail))?;
    let answer = Answer { vary: Some(VARY), ..Answer::ok(medium.content_type(), bytes) };
    Ok(Answer { rows: done.rows, link, ..answer })
}

/// Permit → rows of the body → Answer.
async fn run_bulk(
    serving: &Serving,
    permit: Permit,
    (bulk, once, record): (&Bulk, Option<Once>, Option<Record>),
    parts: &http::request::Parts,
    stream: IncomingStream,
    trail: &mut Trail<'_>,
) -> Result<Answer, Problem> {
    let format = body::rows(&parts.headers)?;
    let limits = &serving.service.config.limits;
    let (most, pace) = (bulk.copy.max_bytes, limits.body_timeout);
    let mut body = body::Stream::new(&parts.headers, stream, most, pace)?;
    trail.recorded = record.is_some();
    let outcome = serving.load(permit, bulk, format, &mut body, (once.as_ref(), record)).await;
    let outcome = outcome.map_err(|not_loaded| {
        trail.refused = not_loaded.log_reason().map(str::to_owned);
        not_loaded.problem(bulk)
    })?;
    once::answer(serving, outcome, None, &mut trail.fields)
}
