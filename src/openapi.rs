//! What a service serves, described: as a table for a person, as OpenAPI for a program.
//!
//! Owns the description, and that it is true: a status, media type or member that the service gives
//! and the document does not name is a mistake here. Does not own what is described (`service`), nor
//! the schema of a type (`value::schema`).

mod argument;
mod bulk;
mod listing;
mod operation;
mod problem;
mod repeat;
mod response;
mod security;
mod table;
mod template;

pub use listing::listing;
pub use table::table;

use crate::service::{Entry, Service};
use operation::Ids;
use serde_json::{Map, Value, json};

/// What holds for every path, and has no place in OpenAPI.
const ANYWHERE: &str = "Every path but these answers 404, and every other method 405 with `Allow`. \
HEAD is answered wherever GET is, and OPTIONS everywhere. An argument that no parameter takes is \
refused, except in a header field.";

/// The OpenAPI 3.1 document of a service whose endpoints the database has typed
/// (<https://spec.openapis.org/oas/v3.1.0>). An endpoint that it has not typed is left out.
pub fn document(service: &Service) -> Value {
    let described = &service.config.service;
    let mut ids = Ids::default();
    let mut paths = Map::new();
    let typed = || service.entries().iter().filter(|entry| !is_pending(entry));
    for entry in typed() {
        let path = paths.entry(entry.path.as_str()).or_insert_with(|| json!({}));
        path[entry.method.key()] = operation::of(service, entry, &mut ids);
    }
    let description = match described.description.as_deref() {
        Some(text) => format!("{text}\n\n{ANYWHERE}"),
        None => ANYWHERE.to_owned(),
    };
    let mut headers = problem::headers();
    if let Some(headers) = headers.as_object_mut() {
        headers.extend(response::headers(typed()));
        headers.extend(security::headers(service, typed()));
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": described.name,
            "version": described.version,
            "description": description,
        },
        "servers": [{ "url": "/" }],
        "tags": tags(typed()),
        "paths": paths,
        "components": {
            "schemas": { "Problem": problem::schema(typed().map(|entry| problem::codes(service, entry))) },
            "headers": headers,
        },
    });
    if let Some(schemes) = security::schemes(service) {
        document["components"]["securitySchemes"] = schemes;
    }
    document
}

/// The groups that the endpoints name, in the order of their first use.
fn tags<'e>(entries: impl Iterator<Item = &'e Entry>) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for tag in entries.filter_map(operation::definition).flat_map(|it| &it.tags) {
        if !names.contains(&tag.as_str()) {
            names.push(tag);
        }
    }
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn is_pending(entry: &Entry) -> bool {
    matches!(entry.action, crate::service::Action::Pending(_))
}
