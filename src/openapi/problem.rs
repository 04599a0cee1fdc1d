//! The problems that a route can give, by status.

use crate::{
    config::Access,
    definition::{file::ResultShape, parameter::Origin, route::Method},
    endpoint::Endpoint,
    problem::{Code, sqlstate},
    service::{Action, Entry, Service},
    value::Type,
};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// The most arguments that one problem lists.
const MAX_ERRORS: usize = 100;

/// Every problem that a request for this very route can end with, in the order of their list.
pub(super) fn codes(service: &Service, entry: &Entry) -> Vec<Code> {
    let mut codes = vec![Code::MalformedRequest, Code::InvalidArguments];
    codes.extend([Code::UriTooLong, Code::HeadersTooLarge, Code::RequestTimeout]);
    if !entry.path.parameters().is_empty() {
        // A segment that is empty leads nowhere.
        codes.push(Code::NotFound);
    }
    if entry.method.has_body() {
        codes.extend([Code::MalformedBody, Code::BodyTooLarge, Code::UnsupportedMediaType]);
        codes.push(Code::UnsupportedEncoding);
    }
    super::security::codes(service, entry, &mut codes);
    super::repeat::codes(entry, &mut codes);
    if entry.is_audited() {
        codes.push(Code::AuditUnavailable);
    }
    let needs_claim = entry
        .parameters()
        .iter()
        .any(|typed| matches!(typed.parameter.origin, Origin::Claim(_)) && typed.default.is_none());
    if needs_claim {
        codes.push(Code::Forbidden);
    }
    match &entry.action {
        Action::Endpoint(endpoint) => of_statement(service, endpoint, &mut codes),
        Action::Bulk(_) => of_load(&mut codes),
        Action::Pending(_) => codes.push(Code::DatabaseUnavailable),
        Action::Ping { .. } => codes.extend([Code::Forbidden, Code::NoAnswer, Code::Internal]),
        Action::Calculate => codes.push(Code::Expression),
        Action::Reply { .. } | Action::Probe { .. } | Action::Info => {}
    }
    if entry.method == Method::Get {
        // No coding at all may be refused, of any answer to GET.
        codes.push(Code::NotAcceptable);
    }
    Code::ALL.iter().copied().filter(|code| codes.contains(code)).collect()
}

fn of_statement(service: &Service, endpoint: &Endpoint, codes: &mut Vec<Code>) {
    let lane = service.config.lanes.get(&endpoint.lane);
    let reads = lane.is_some_and(|lane| lane.access == Access::Read);
    let takes_domain = endpoint.parameters.iter().any(|typed| has_domain(&typed.ty));
    for (_, in_read, in_write) in sqlstate::TABLE {
        codes.push(if endpoint.definition.method.has_body() { *in_write } else { *in_read });
    }
    if reads {
        // Nothing is stored that an argument could contradict; a domain has rules all the same.
        codes.retain(|code| *code != Code::Conflict);
        if !takes_domain && endpoint.definition.method == Method::Get {
            codes.retain(|code| *code != Code::Unprocessable);
        }
    } else {
        codes.push(Code::OutcomeUnknown);
    }
    codes.extend([Code::Overloaded, Code::ShuttingDown, Code::DefinitionChanged]);
    if !endpoint.answers_nothing() {
        codes.push(Code::NotAcceptable);
    }
    if endpoint.paging.is_some() {
        codes.push(Code::CursorInvalid);
    }
    match endpoint.definition.result {
        ResultShape::Rows => codes.push(Code::TooManyRows),
        ResultShape::Row | ResultShape::Value => {
            // One row, too, may be larger than the service gives.
            codes.extend([Code::TooManyRows, Code::RowNotFound]);
        }
        ResultShape::None => {}
    }
}

fn of_load(codes: &mut Vec<Code>) {
    codes.extend(sqlstate::TABLE.iter().map(|(_, _, in_write)| *in_write));
    codes.extend([Code::InvalidRows, Code::OutcomeUnknown, Code::Overloaded, Code::ShuttingDown]);
    codes.push(Code::DefinitionChanged);
}

/// Whether a value of the type is held to the rules of a domain.
fn has_domain(ty: &Type) -> bool {
    match ty {
        Type::Domain(_) => true,
        Type::Array(inner) | Type::Range(inner) | Type::Multirange(inner) => has_domain(inner),
        Type::Composite(composite) => composite.fields.iter().any(|(_, ty)| has_domain(ty)),
        _ => false,
    }
}

/// Adds a response for each status of `codes`, beside what the route answers itself with it.
pub(super) fn add(codes: &[Code], responses: &mut Map<String, Value>) {
    let mut statuses: Vec<u16> = codes.iter().map(|code| code.status()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let here: Vec<Code> = codes.iter().copied().filter(|it| it.status() == status).collect();
        let response = responses
            .entry(status.to_string())
            .or_insert_with(|| json!({ "description": "", "headers": request_id() }));
        let mut text = response["description"].as_str().unwrap_or_default().to_owned();
        for code in &here {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            // Writing into a String does not fail.
            let _ = write!(text, "`{}`: {}", code.slug(), explanation(*code));
        }
        response["description"] = text.into();
        response["content"]["application/problem+json"] = json!({
            "schema": {
                "$ref": "#/components/schemas/Problem",
                "properties": {
                    "status": { "const": status },
                    "code": { "enum": here.iter().map(|code| code.slug()).collect::<Vec<_>>() },
                },
            },
        });
        if here.contains(&Code::NotFound) {
            // Somebody with a browser reads a page.
            response["content"]["text/html"] = json!({ "schema": { "type": "string" } });
        }
        if status == 503 {
            response["headers"]["Retry-After"] =
                json!({ "$ref": "#/components/headers/RetryAfter" });
        }
    }
}

fn explanation(code: Code) -> String {
    code.explanation().lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The header fields that every answer has.
pub(super) fn request_id() -> Value {
    json!({ "X-Request-Id": { "$ref": "#/components/headers/RequestId" } })
}

/// The header fields that responses refer to.
pub(super) fn headers() -> Value {
    json!({
        "RequestId": {
            "description": "What the log calls this request by: the request's own `X-Request-Id` \
                when it is 1 to 64 of `A-Z a-z 0-9 . _ -`, else a new one.",
            "required": true,
            "schema": request_id_schema(),
        },
        "RetryAfter": {
            "description": "When to try again, in seconds.",
            "schema": { "type": "integer", "minimum": 0 },
        },
    })
}

fn request_id_schema() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" })
}

/// The schema of a problem document (RFC 9457), with the codes that the service can give.
pub(super) fn schema(used: impl Iterator<Item = Vec<Code>>) -> Value {
    let used: Vec<Code> = used.flatten().collect();
    let codes: Vec<&str> =
        Code::ALL.iter().filter(|code| used.contains(code)).map(|code| code.slug()).collect();
    json!({
        "description": "Why a request was not answered: a problem document (RFC 9457).",
        "type": "object",
        "properties": {
            "type": {
                "description": "`urn:howdah:problem:` and the code",
                "type": "string",
                "format": "uri",
            },
            "title": { "description": "The same for every problem of the code", "type": "string" },
            "status": { "description": "The HTTP status", "type": "integer" },
            "code": { "description": "Stable, for programs", "type": "string", "enum": codes },
            "detail": { "description": "What this caller should know", "type": "string" },
            "request_id": request_id_schema(),
            "errors": {
                "description": "Every argument that is wrong, or the first rows",
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_ERRORS,
                "items": {
                    "type": "object",
                    "properties": {
                        "in": { "type": "string", "enum": ["path", "query", "header", "body"] },
                        "parameter": { "type": "string" },
                        "line": { "type": "integer", "minimum": 1 },
                        "row": { "type": "integer", "minimum": 1 },
                        "field": { "type": "string" },
                        "detail": { "type": "string" },
                    },
                    "required": ["in", "detail"],
                    "additionalProperties": false,
                },
            },
        },
        "required": ["type", "title", "status", "code", "request_id"],
        "additionalProperties": false,
    })
}
