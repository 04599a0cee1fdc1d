//! A check of a JSON value against a schema of an OpenAPI document.
//!
//! Knows the keywords of JSON Schema that Howdah's documents use, and stops at any other, so that a
//! new one is not passed over. Formats are annotations, as JSON Schema has them by default.

use serde_json::{Map, Value};

/// What is wrong with `value`: a line for each mistake, with its place.
pub(super) fn mistakes(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(document, schema, value, "", &mut found);
    found
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let keywords = schema.as_object().unwrap_or_else(|| panic!("no schema: {schema}"));
    for (keyword, wanted) in keywords {
        let good = match keyword.as_str() {
            "$ref" => {
                check(document, target(document, wanted), value, at, found);
                true
            }
            "type" => is_of_type(wanted, value),
            "enum" => wanted.as_array().unwrap().contains(value),
            "const" => wanted == value,
            "anyOf" => {
                let choices = wanted.as_array().unwrap();
                choices.iter().any(|choice| mistakes(document, choice, value).is_empty())
            }
            "properties" => {
                let members = value.as_object().into_iter().flatten();
                for (name, member) in members {
                    if let Some(schema) = wanted.get(name) {
                        check(document, schema, member, &format!("{at}/{name}"), found);
                    }
                }
                true
            }
            "required" => value.as_object().is_none_or(|members| {
                wanted
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|it| members.contains_key(it.as_str().unwrap()))
            }),
            "additionalProperties" => {
                assert_eq!(*wanted, Value::Bool(false), "objects are closed");
                let known = keywords.get("properties").and_then(Value::as_object);
                value.as_object().is_none_or(|it| closed(known.unwrap(), it))
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(document, wanted, item, &format!("{at}/{index}"), found);
                }
                true
            }
            "minItems" => value.as_array().is_none_or(|it| it.len() as u64 >= number(wanted)),
            "maxItems" => value.as_array().is_none_or(|it| it.len() as u64 <= number(wanted)),
            "minLength" => length(value).is_none_or(|it| it >= number(wanted)),
            "maxLength" => length(value).is_none_or(|it| it <= number(wanted)),
            "minimum" => value.as_f64().is_none_or(|it| it >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|it| it <= wanted.as_f64().unwrap()),
            "pattern" => {
                let pattern = regex::Regex::new(wanted.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "description" | "format" | "default" | "contentEncoding" => true,
            other => panic!("the check does not know the keyword {other}"),
        };
        if !good {
            found.push(format!("{at}: {value} breaks {keyword}: {wanted}"));
        }
    }
}

/// What a `$ref` within the document leads to.
pub(super) fn target<'d>(document: &'d Value, reference: &Value) -> &'d Value {
    let pointer =
        reference.as_str().and_then(|it| it.strip_prefix('#')).expect("a local reference");
    document.pointer(pointer).unwrap_or_else(|| panic!("{pointer} leads nowhere"))
}

fn is_of_type(wanted: &Value, value: &Value) -> bool {
    match wanted {
        Value::Array(types) => types.iter().any(|ty| is_of_type(ty, value)),
        ty => match ty.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            "number" => value.is_number(),
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            other => panic!("{other} is no type"),
        },
    }
}

fn closed(known: &Map<String, Value>, members: &Map<String, Value>) -> bool {
    members.keys().all(|name| known.contains_key(name))
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a count")
}

fn length(value: &Value) -> Option<u64> {
    value.as_str().map(|text| text.chars().count() as u64)
}

#[test]
fn the_check_can_fail() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "a": { "type": ["integer", "null"], "minimum": 1 },
            "b": { "type": "array", "maxItems": 1, "items": { "anyOf": [{ "const": 1 }, { "enum": ["x"] }] } },
        },
        "required": ["a"],
        "additionalProperties": false,
    });
    let count = |value: Value| mistakes(&Value::Null, &schema, &value).len();
    assert_eq!(count(serde_json::json!({ "a": null, "b": ["x"] })), 0);
    assert_eq!(count(serde_json::json!({ "a": 0 })), 1);
    assert_eq!(count(serde_json::json!({ "a": 1.5, "b": [1, 2], "c": 1 })), 4);
    assert_eq!(count(serde_json::json!({})), 1);
    assert_eq!(count(serde_json::json!([])), 1);
}
