//! The `OpenAPI` 3.1 document of an API.

use super::Entry;
use serde_json::{Map, Value, json};

/// The document of `entries`.
pub(super) fn of(title: &str, entries: &[Entry], is_guarded: bool) -> Value {
    let mut paths = Map::new();
    for entry in entries {
        let path = paths.entry(entry.path).or_insert_with(|| json!({}));
        path[entry.method.as_str().to_ascii_lowercase()] = operation(entry, is_guarded);
    }
    let mut components = json!({ "schemas": { "Problem": problem() } });
    if is_guarded {
        components["securitySchemes"] = json!({ "token": { "type": "http", "scheme": "bearer" } });
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": components,
    })
}

fn operation(entry: &Entry, is_guarded: bool) -> Value {
    let (status, schema) = &entry.gives;
    let problem = json!({ "description": "Why not", "content": { "application/problem+json": {
        "schema": { "$ref": "#/components/schemas/Problem" } } } });
    let mut operation = json!({
        "summary": entry.summary,
        "responses": {
            status.to_string(): { "description": entry.summary,
                "content": { "application/json": { "schema": schema } } },
            "default": problem,
        },
    });
    let segments: Vec<Value> = entry
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if !segments.is_empty() {
        operation["parameters"] = segments.into();
    }
    if let Some(schema) = &entry.takes {
        operation["requestBody"] =
            json!({ "content": { "application/json": { "schema": schema } } });
    }
    if is_guarded && !entry.open {
        operation["security"] = json!([{ "token": [] }]);
    }
    operation
}

fn problem() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["type", "title", "status", "code"],
        "properties": { "type": text, "title": text, "status": { "type": "integer" }, "code": text,
            "detail": text, "request_id": text },
    })
}
