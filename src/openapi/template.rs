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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_vary_and_nothing_else_does() {
        let (media_type, media) = media(&Template::Json(json!({ "a": "{now}", "b": [1, "x", 1] })));
        assert_eq!(media_type, "application/json");
        assert_eq!(media.get("example"), None);
        let properties = &media["schema"]["properties"];
        assert_eq!(properties["a"], json!({ "type": "string" }));
        let items = json!({ "anyOf": [{ "const": 1 }, { "type": "string" }] });
        assert_eq!(properties["b"]["items"], items);
        assert_eq!(properties["b"]["maxItems"], 3);
    }

    #[test]
    fn a_fixed_body_is_its_own_example() {
        let (_, media) = super::media(&Template::Json(json!({ "a": ["{{x}}", null, []] })));
        assert_eq!(media["example"], json!({ "a": ["{x}", null, []] }));
        assert_eq!(super::media(&Template::Text("{{{name}}}".into())).1.get("example"), None);
        assert_eq!(super::media(&Template::Text("}}{{".into())).1["example"], "}{");
    }
}
