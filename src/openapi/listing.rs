//! The description for a program that wants no OpenAPI: what the table says, as JSON.

use super::{
    operation::{definition, kind},
    table::place,
};
use crate::{
    definition::parameter::{Origin, Parameter, Presence},
    service::{Action, Entry, Service},
    value::Type,
};
use serde_json::{Map, Value, json};

/// The service, and each route with what it takes and gives. The members of an endpoint that the
/// database has not typed have no `type`, and it has no `columns`.
pub fn listing(service: &Service) -> Value {
    let described = &service.config.service;
    json!({
        "name": described.name,
        "version": described.version,
        "description": described.description,
        "routes": service.entries().iter().map(route).collect::<Vec<_>>(),
    })
}

fn route(entry: &Entry) -> Value {
    let parameters: Vec<Value> = match &entry.action {
        Action::Pending(file) => file.parameters.iter().map(|it| parameter(it, None)).collect(),
        _ => entry.parameters().iter().map(|it| parameter(&it.parameter, Some(&it.ty))).collect(),
    };
    let mut route = json!({
        "method": entry.method.as_str(),
        "path": entry.path.as_str(),
        "summary": entry.summary,
        "kind": kind(entry),
        "example": entry.example(),
        "parameters": parameters,
    });
    if let Some(file) = definition(entry) {
        route["file"] = file.source.path().into();
        route["result"] = json!({
            "shape": file.result.as_str(),
            "envelope": file.envelope,
            "max_rows": file.max_rows,
        });
    }
    if let Action::Endpoint(endpoint) = &entry.action {
        route["lane"] = endpoint.lane.as_str().into();
        let columns = endpoint.columns.iter().map(|column| {
            json!({
                "name": column.name,
                "type": column.described.ty.as_ref().map(Type::name),
                "nullable": column.nullable,
            })
        });
        route["result"]["columns"] = columns.collect();
    }
    route
}

fn parameter(parameter: &Parameter, ty: Option<&Type>) -> Value {
    let facets = &parameter.facets;
    let mut object = Map::new();
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(key.to_owned(), value);
        }
    };
    add("name", Some(parameter.name.as_str().into()));
    add("in", Some(place(&parameter.origin).into()));
    add("type", ty.map(|ty| ty.name().into()));
    add("required", Some((parameter.presence == Presence::Required).into()));
    match &parameter.origin {
        Origin::Header(field) => add("header", Some(field.as_str().into())),
        Origin::Claim(claim) => add("claim", Some(claim.as_str().into())),
        _ => {}
    }
    if let Presence::Default(value) = &parameter.presence {
        add("default", Some(value.clone()));
    }
    add("minimum", facets.minimum.clone().map(Value::Number));
    add("maximum", facets.maximum.clone().map(Value::Number));
    add("min_length", facets.min_length.map(Value::from));
    add("max_length", facets.max_length.map(Value::from));
    add("pattern", facets.pattern.as_ref().map(|(written, _)| written.as_str().into()));
    add("enum", facets.allowed.clone().map(Value::Array));
    add("description", parameter.description.as_deref().map(Value::from));
    add("example", parameter.example.clone());
    object.into()
}
