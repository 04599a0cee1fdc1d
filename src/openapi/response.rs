//! What a route answers when it does what it is asked.

use super::{bulk, problem, template};
use crate::{
    definition::{
        file::ResultShape,
        route::{self, Method},
    },
    encode::Medium,
    endpoint::Endpoint,
    service::{Action, Entry, Service},
    value::schema,
};
use serde_json::{Map, Value, json};

/// The statuses whose answers never have a body (RFC 9110 §15.3.5, §15.3.6, §15.4.5).
const WITHOUT_BODY: [u16; 3] = [204, 205, 304];

/// The Response Objects of a route's own answers, by status.
pub(super) fn of(service: &Service, entry: &Entry) -> Map<String, Value> {
    let mut responses = Map::new();
    if let Action::Endpoint(endpoint) = &entry.action {
        return of_endpoint(endpoint);
    }
    let mut add = |status: u16, description: &str, content: Option<(&str, Value)>| {
        let mut response = plain(description);
        if let Some((media_type, media)) = content.filter(|_| !WITHOUT_BODY.contains(&status)) {
            response["content"][media_type] = media;
        }
        responses.insert(status.to_string(), response);
    };
    let text = |example: Option<&str>| {
        let media = match example {
            Some(example) => json!({ "schema": { "type": "string" }, "example": example }),
            None => json!({ "schema": { "type": "string" } }),
        };
        Some(("text/plain", media))
    };
    match (&entry.action, stated(service, entry)) {
        (Action::Bulk(bulk), _) => {
            let media = json!({ "schema": bulk::answer(bulk) });
            add(200, "All rows went in; how many did what.", Some(("application/json", media)));
        }
        (Action::Reply { .. }, Some(route::Action::Reply { status, body })) => {
            add(*status, "The answer.", Some(template::media(body)));
        }
        (Action::Probe { .. }, Some(route::Action::Probe { up, down })) => {
            add(200, "The database can be reached.", Some(template::media(up)));
            add(503, "The database cannot be reached.", Some(template::media(down)));
        }
        (Action::Ping { .. }, _) => add(200, "The address answered: a summary.", text(None)),
        (Action::Calculate, _) => add(200, "The value, as Python prints it.", text(Some("4"))),
        (Action::Info, _) => {
            add(200, "What this process is.", Some(("application/json", info())));
        }
        (
            Action::Endpoint(_) | Action::Pending(_) | Action::Reply { .. } | Action::Probe { .. },
            _,
        ) => {}
    }
    responses
}

/// The Response Objects of a statement's own answers: the same rows in each medium, and for GET that
/// they are the ones that the caller has.
fn of_endpoint(endpoint: &Endpoint) -> Map<String, Value> {
    let mut responses = Map::new();
    if endpoint.answers_nothing() {
        responses.insert("204".to_owned(), plain("Done."));
        return responses;
    }
    let mut rows = plain(said(endpoint.definition.result));
    for medium in Medium::ALL {
        rows["content"][medium.essence()] = json!({ "schema": in_medium(endpoint, medium) });
    }
    let is_read = endpoint.definition.method == Method::Get;
    if is_read {
        rows["headers"]["ETag"] = json!({ "$ref": "#/components/headers/ETag" });
    }
    if endpoint.definition.repeats.cache.is_some() {
        for (name, component) in [("Cache-Control", "CacheControl"), ("Age", "Age")] {
            let reference = format!("#/components/headers/{component}");
            rows["headers"][name] = json!({ "$ref": reference });
        }
    }
    if endpoint.paging.is_some() {
        rows["headers"]["Link"] = json!({ "$ref": "#/components/headers/Link" });
    }
    if is_read {
        let mut known = plain("The answer is the one that `If-None-Match` names.");
        known["headers"] = rows["headers"].clone();
        responses.insert("304".to_owned(), known);
    }
    responses.insert("200".to_owned(), rows);
    responses
}

fn plain(description: &str) -> Value {
    json!({ "description": description, "headers": problem::request_id() })
}

/// The header fields that a statement's answers refer to; those that no route has are left out.
pub(super) fn headers<'e>(entries: impl Iterator<Item = &'e Entry>) -> Map<String, Value> {
    let endpoints: Vec<&Endpoint> = entries
        .filter_map(|entry| match &entry.action {
            Action::Endpoint(endpoint) => Some(&**endpoint),
            _ => None,
        })
        .collect();
    let mut headers = Map::new();
    let mut add = |name: &str, description: &str| {
        let header = json!({ "description": description, "schema": { "type": "string" } });
        headers.insert(name.to_owned(), header);
    };
    if endpoints.iter().any(|it| it.definition.method == Method::Get && !it.answers_nothing()) {
        add(
            "ETag",
            "What the answer is known by, for `If-None-Match` (RFC 9110 §8.8.3); a stream has none.",
        );
    }
    if endpoints.iter().any(|it| it.paging.is_some()) {
        add(
            "Link",
            "Where the next page is (`rel=\"next\"`), when there is one, and the first \
             (`rel=\"first\"`), as references of a query alone (RFC 8288).",
        );
    }
    if endpoints.iter().any(|it| it.definition.repeats.cache.is_some()) {
        add(
            "CacheControl",
            "How long the answer may be kept, and by whom (RFC 9111 §5.2.2): `max-age` in seconds, or `no-cache` \
             where whoever keeps it must ask whether it still holds.",
        );
        let description =
            "How old the answer is when it is given again, in seconds (RFC 9111 §5.1).";
        let seconds = json!({ "type": "integer", "minimum": 0 });
        headers.insert("Age".to_owned(), json!({ "description": description, "schema": seconds }));
    }
    headers
}

/// The schema of an endpoint's answer in a medium. What is no JSON is text for a schema, or bytes of
/// which it says nothing.
fn in_medium(endpoint: &Endpoint, medium: Medium) -> Value {
    let each = if endpoint.wants_a_row() { "The row" } else { "Each row" };
    match medium {
        Medium::Json => of_rows(endpoint),
        Medium::Ndjson => {
            json!({ "type": "string", "description": format!("{each} as JSON on a line of its own.") })
        }
        Medium::Csv => json!({
            "type": "string",
            "description":
                format!("RFC 4180 with a header record. {each} is a record; an empty field is NULL."),
        }),
        Medium::Arrow => json!({ "description": "An Arrow IPC stream." }),
    }
}

/// What the manifest states for the route.
fn stated<'s>(service: &'s Service, entry: &Entry) -> Option<&'s route::Action> {
    let mut routes = service.config.routes.iter();
    let route = routes.find(|it| it.method == entry.method && it.path == entry.path);
    route.map(|route| &route.action)
}

fn said(shape: ResultShape) -> &'static str {
    match shape {
        ResultShape::Rows => "The rows.",
        ResultShape::Row => "The row.",
        ResultShape::Value => "The value.",
        ResultShape::None => "Done.",
    }
}

/// The schema of an endpoint's answer: its shape, in its envelope.
fn of_rows(endpoint: &Endpoint) -> Value {
    let file = &endpoint.definition;
    let columns = endpoint.columns.iter().filter_map(|column| {
        let schema = schema::of(column.described.ty.as_ref()?);
        let schema = if column.nullable { schema::nullable(schema) } else { schema };
        Some((column.name.clone(), schema))
    });
    let result = match file.result {
        ResultShape::Rows => {
            json!({ "type": "array", "maxItems": file.max_rows, "items": object(columns) })
        }
        ResultShape::Row => object(columns),
        ResultShape::Value => columns.map(|(_, schema)| schema).next().unwrap_or_default(),
        ResultShape::None => Value::Null,
    };
    match &file.envelope {
        Some(envelope) => object([(envelope.clone(), result)].into_iter()),
        None => result,
    }
}

/// An object that has all of these members and no other.
pub(super) fn object(members: impl Iterator<Item = (String, Value)>) -> Value {
    let members: Vec<(String, Value)> = members.collect();
    let required: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    let mut object = json!({ "type": "object", "additionalProperties": false });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object["properties"] = members.into_iter().collect::<Map<_, _>>().into();
    object
}

/// What `tool = "info"` answers.
fn info() -> Value {
    let string = |what: &str| json!({ "description": what, "type": "string" });
    let members = [
        ("user", string("The user it runs as")),
        ("container_id", string("The name of its host")),
        ("version", string("The service's version")),
        ("runtime_version", string("The program that serves, and its version")),
    ];
    json!({ "schema": object(members.map(|(name, it)| (name.to_owned(), it)).into_iter()) })
}
