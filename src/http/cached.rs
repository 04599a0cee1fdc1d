//! Answers that are given again for a while, and what `Cache-Control` says of them (RFC 9111).
//!
//! Does not own which answers those are (`service::cache`).

use super::{
    coding::{Coding, Wanted},
    gate::Fields,
    pipeline::VARY,
    representation,
    response::Answer,
};
use crate::{
    access::Caller,
    definition::{
        file::Cache,
        parameter::{Origin, Typed},
    },
    encode::Medium,
    endpoint::Endpoint,
    problem::Problem,
    service::{Asked, Cached, Entry, Service, Serving},
    value::Argument,
};
use http::{HeaderValue, header, request::Parts};
use std::time::Duration;

/// What caches are told of an answer that is for its caller alone.
const PRIVATE: &str = "private";
/// The request's fields that may tell who asks.
const CREDENTIALS: HeaderValue = HeaderValue::from_static("Authorization, X-API-Key");

/// The `cache` of an endpoint that has one. What is streamed is not kept.
pub(super) fn of(endpoint: &Endpoint) -> Option<&Cache> {
    endpoint.definition.repeats.cache.as_ref().filter(|_| !endpoint.streams())
}

/// An answer that was kept, else what `run` gives, which is kept.
///
/// # Errors
/// Those of `run`.
pub(super) async fn run(
    serving: &Serving,
    (entry, caller): (&Entry, &Caller),
    endpoint: &Endpoint,
    (cache, medium, wanted): (&Cache, Medium, Option<Wanted>),
    arguments: &[Argument],
    parts: &Parts,
    run: impl Future<Output = Result<Answer, Problem>>,
) -> Result<(Answer, Fields), Problem> {
    let service = &serving.service;
    // One that cannot be told to PostgreSQL has been refused.
    let Ok(identity) = service.authority.identity(caller) else {
        return Ok((run.await?, Fields::new()));
    };
    let asked = Asked {
        identity: identity.as_ref(),
        medium,
        coding: wanted.map_or("", Wanted::key),
        // The links of a page repeat it as it was written.
        query: endpoint.paging.as_ref().and(parts.uri.query()),
    };
    let question = serving.question(endpoint, cache, arguments, asked);
    let mut fields = Fields::new();
    if let Some((cached, age)) = serving.cached(&question) {
        tell(service, entry, cache, &mut fields);
        let answer = again(parts, &cached, age, &mut fields);
        return Ok((answer, fields));
    }
    let mut answer = run.await?;
    tell(service, entry, cache, &mut fields);
    let represented =
        representation::represent(&service.config.answers, wanted, &answer.body).await;
    let (Some((body, validator, coding)), Some(content_type)) = (represented, answer.content_type)
    else {
        return Ok((answer, fields));
    };
    let coding = coding.map(Coding::as_str);
    answer.body = body.clone().into();
    representation::name(parts, (&validator, coding), &mut fields, &mut answer);
    let (rows, link) = (answer.rows, answer.link.clone());
    serving.keep(question, Cached { content_type, coding, validator, body, rows, link });
    Ok((answer, fields))
}

/// Tells callers, and caches on the way to them, how long they may keep the answer, and who else may
/// get it.
fn tell(service: &Service, entry: &Entry, cache: &Cache, fields: &mut Fields) {
    let who = if is_for_all(service, entry) { "public" } else { PRIVATE };
    // What is notified is not heard out there: whoever keeps it must ask whether it still holds.
    let value = match cache.channel {
        Some(_) => format!("{who}, no-cache"),
        None => format!("{who}, max-age={}", cache.ttl.as_secs()),
    };
    fields.extend(HeaderValue::from_str(&value).ok().map(|it| (header::CACHE_CONTROL, it)));
    if who == PRIVATE {
        // One browser may be used by several callers, one after the other.
        fields.push((header::VARY, CREDENTIALS));
    }
}

/// Whether everybody may ask, and everybody gets the same.
fn is_for_all(service: &Service, entry: &Entry) -> bool {
    let is_claim = |typed: &Typed| matches!(typed.parameter.origin, Origin::Claim(_));
    entry.policy.is_public()
        && !service.authority.tells_callers()
        && !entry.parameters().iter().any(is_claim)
}

/// An answer that was kept, `age` old.
fn again(parts: &Parts, cached: &Cached, age: Duration, fields: &mut Fields) -> Answer {
    // Seconds, counted up: an answer never seems younger than it is.
    let age_s = age.as_secs() + u64::from(age.subsec_nanos() > 0);
    fields.push((header::AGE, HeaderValue::from(age_s)));
    let mut answer = Answer::ok(cached.content_type, cached.body.clone());
    answer.vary = Some(VARY);
    answer.rows = cached.rows;
    answer.link.clone_from(&cached.link);
    representation::name(parts, (&cached.validator, cached.coding), fields, &mut answer);
    answer
}
