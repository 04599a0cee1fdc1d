//! The schema of a reply, from its template.

use super::response::object;
use crate::definition::route::Template;
use serde_json::{Value, json};

/// The media type of a body and its Media Type Object, with the body itself as the example where
/// nothing is left to fill in.
pub(super) fn media(template: &Template) -> (&'static str, Value) {
    let (media_type, schema, example) = match template {
        Template::Text(text) => ("text/plain", json!({ "type": "string" }), literal(text)),
        Template::Json(document) => ("application/json", schema(document), filled(document)),
    };
    let mut media = json!({ "schema": schema });
    if let Some(example) = example {
        media["example"] = example;
    }
    (media_type, media)
}

/// The schema of everything that a JSON template can become: its strings alone vary.
fn schema(document: &Value) -> Value {
    match document {
        Value::String(_) => json!({ "type": "string" }),
        Value::Object(members) => {
            object(members.iter().map(|(name, value)| (name.clone(), schema(value))))
        }
        Value::Array(items) if items.is_empty() => json!({ "const": [] }),
        Value::Array(items) => {
            // Item by item (`prefixItems`) would be more exact, and few tools know it.
            let mut kinds: Vec<Value> = Vec::new();
            for kind in items.iter().map(schema) {
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            let each = if kinds.len() == 1 { kinds.remove(0) } else { json!({ "anyOf": kinds }) };
            let length = items.len();
            json!({ "type": "array", "items": each, "minItems": length, "maxItems": length })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => json!({ "const": document }),
    }
}

/// The document as it is sent, when no string of it has a placeholder.
fn filled(document: &Value) -> Option<Value> {
    Some(match document {
        Value::String(text) => literal(text)?,
        Value::Object(members) => {
            let members = members.iter().map(|(name, it)| Some((name.clone(), filled(it)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
        Value::Array(items) => Value::Array(items.iter().map(filled).collect::<Option<_>>()?),
        scalar => scalar.clone(),
    })
}

/// The text as it is sent, when it has no placeholder: only `{{` and `}}`, for braces.
fn literal(text: &str) -> Option<Value> {
    let rest = text.replace("{{", "").replace("}}", "");
    (!rest.contains(['{', '}'])).then(|| text.replace("{{", "{").replace("}}", "}").into())
}
