//! One route as an operation.

use super::{argument, bulk, problem, repeat, response, security};
use crate::{
    definition::file,
    service::{Action, Entry, Service},
};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// The operations' names, which no two share.
#[derive(Default)]
pub(super) struct Ids(HashSet<String>);

impl Ids {
    /// A name that stays the same as long as the endpoint's file, or the route's method and path,
    /// does: `ports_one` for `ports/one.sql`, `get_health` for `GET /health`.
    fn id(&mut self, entry: &Entry) -> String {
        let name = match definition(entry) {
            Some(file) => words(&file.name),
            None => match words(entry.path.as_str()).as_str() {
                "" => format!("{}_root", entry.method.key()),
                path => format!("{}_{path}", entry.method.key()),
            },
        };
        let mut id = name.clone();
        let mut number = 2;
        while !self.0.insert(id.clone()) {
            id = format!("{name}_{number}");
            number += 1;
        }
        id
    }
}

/// The letters and digits of `text`, with one `_` for whatever stands between them.
fn words(text: &str) -> String {
    let words = text.split(|it: char| !it.is_ascii_alphanumeric()).filter(|it| !it.is_empty());
    words.collect::<Vec<_>>().join("_")
}

/// The endpoint file behind a route, when there is one.
pub(super) fn definition(entry: &Entry) -> Option<&file::Endpoint> {
    match &entry.action {
        Action::Endpoint(endpoint) => Some(&endpoint.definition),
        Action::Bulk(bulk) => Some(&bulk.definition),
        Action::Pending(file) => Some(file),
        _ => None,
    }
}

/// What a route is, when it does not say so itself.
pub(super) fn kind(entry: &Entry) -> &'static str {
    match entry.action {
        Action::Endpoint(_) | Action::Pending(_) => "a statement",
        Action::Bulk(_) => "rows to load",
        Action::Reply { .. } => "a fixed answer",
        Action::Probe { .. } => "whether the database can be reached",
        Action::Ping { .. } => "an ICMP echo",
        Action::Calculate => "the value of an expression",
        Action::Info => "what this process is",
    }
}

/// The Operation Object of a route.
pub(super) fn of(service: &Service, entry: &Entry, ids: &mut Ids) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), ids.id(entry).into());
    if let Some(summary) = &entry.summary {
        operation.insert("summary".to_owned(), summary.as_str().into());
    }
    if let Some(file) = definition(entry) {
        if let Some(description) = &file.description {
            operation.insert("description".to_owned(), description.trim().into());
        }
        if !file.tags.is_empty() {
            operation.insert("tags".to_owned(), json!(file.tags));
        }
    }
    let parameters: Vec<Value> = entry
        .parameters()
        .iter()
        .filter_map(|it| argument::parameter(entry, it))
        .chain(repeat::parameter(entry))
        .collect();
    if !parameters.is_empty() {
        operation.insert("parameters".to_owned(), parameters.into());
    }
    let body = match &entry.action {
        Action::Bulk(bulk) => Some(bulk::body(bulk)),
        _ => argument::body(entry),
    };
    if let Some(body) = body {
        operation.insert("requestBody".to_owned(), body);
    }
    let mut responses = response::of(service, entry);
    problem::add(&problem::codes(service, entry), &mut responses);
    security::fields(entry, &mut responses);
    repeat::fields(entry, &mut responses);
    if let Some(requirements) = security::requirements(service, entry) {
        operation.insert("security".to_owned(), requirements);
    }
    operation.insert("responses".to_owned(), responses.into());
    operation.into()
}
