//! The schema of every type: JSON Schema 2020-12, as OpenAPI 3.1 takes it.
//!
//! One schema describes a type both as a result and as an argument in JSON, but that an argument may
//! leave out members of a range. Formats are those of
//! the OpenAPI format registry. What a schema cannot say without becoming unreadable (a `date`
//! that is `infinity`, the further dimensions of an array) is in `docs/types.md`.

use super::Type;
use serde_json::{Map, Value, json};

/// The schema of a value that is not NULL.
pub fn of(ty: &Type) -> Value {
    form(ty, true)
}

/// The schema of an argument in JSON that is not NULL, as `argument::from_json` reads it.
pub fn of_argument(ty: &Type) -> Value {
    form(ty, false)
}

/// The schema; where not `whole`, what has a default within a value may be left out.
fn form(ty: &Type, whole: bool) -> Value {
    let of = |ty: &Type| form(ty, whole);
    match ty {
        Type::Bool => json!({"type": "boolean"}),
        Type::Int2 => json!({"type": "integer", "format": "int16"}),
        Type::Int4 => json!({"type": "integer", "format": "int32"}),
        Type::Int8 => json!({"type": "integer", "format": "int64"}),
        Type::Oid => json!({"type": "integer", "format": "uint32"}),
        Type::Float4 => number(&json!({"type": "number", "format": "float"})),
        Type::Float8 => number(&json!({"type": "number", "format": "double"})),
        Type::Numeric => number(&json!({"type": "number"})),
        Type::Text | Type::Varchar | Type::Bpchar | Type::Char | Type::Inet | Type::Cidr => {
            json!({"type": "string"})
        }
        Type::Name => json!({"type": "string", "maxLength": 63}),
        Type::Uuid => json!({"type": "string", "format": "uuid"}),
        Type::Date => json!({"type": "string", "format": "date"}),
        Type::Time => json!({"type": "string", "format": "time-local"}),
        Type::Timetz => json!({"type": "string", "format": "time"}),
        Type::Timestamp => json!({"type": "string", "format": "date-time-local"}),
        Type::Timestamptz => json!({"type": "string", "format": "date-time"}),
        Type::Interval => json!({"type": "string", "format": "duration"}),
        Type::Json | Type::Jsonb => json!({}),
        Type::Bytea => json!({"type": "string", "contentEncoding": "base64"}),
        Type::Macaddr => hardware(6),
        Type::Macaddr8 => hardware(8),
        Type::Array(element) => json!({"type": "array", "items": nullable(of(element))}),
        Type::Enum(enumeration) => json!({"type": "string", "enum": enumeration.labels}),
        Type::Domain(domain) => of(&domain.base),
        Type::Range(over) => range(&of(over), whole),
        Type::Multirange(over) => json!({"type": "array", "items": of(&Type::Range(over.clone()))}),
        Type::Composite(composite) => {
            let properties: Map<_, _> = composite
                .fields
                .iter()
                .map(|(name, ty)| (name.clone(), nullable(of(ty))))
                .collect();
            let required: Vec<_> = composite.fields.iter().map(|(name, _)| name).collect();
            json!({
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            })
        }
    }
}

/// How an argument stands in a URL: what an OpenAPI parameter says of it.
#[derive(Clone, Debug, PartialEq)]
pub enum InUrl {
    /// As it is: `schema` is its schema.
    Plain(Value),
    /// With commas between the items: `schema`, `style: form` (`simple` in a path), `explode: false`.
    List(Value),
    /// As JSON text: `content: {application/json: {schema}}`.
    Json(Value),
}

/// How an argument of the type stands in a URL, as `argument::from_text` reads it.
pub fn in_url(ty: &Type) -> InUrl {
    match ty.base() {
        Type::Array(element) if element.is_listable() => {
            InUrl::List(json!({"type": "array", "items": of(element)}))
        }
        Type::Range(over) if over.is_listable() => {
            InUrl::Plain(json!({"type": "string", "pattern": "^(empty|[\\[(][^,]*,[^,]*[\\])])$"}))
        }
        base if base.is_listable() => InUrl::Plain(of(ty)),
        _ => InUrl::Json(of_argument(ty)),
    }
}

/// The schema of a value that may be NULL, from that of one that may not.
pub fn nullable(schema: Value) -> Value {
    let Value::Object(mut members) = schema else { return schema };
    if members.is_empty() {
        return Value::Object(members);
    }
    if !members.contains_key("enum")
        && let Some(ty @ Value::String(_)) = members.get_mut("type")
    {
        *ty = json!([ty, "null"]);
        return Value::Object(members);
    }
    if let Some(Value::Array(choices)) = members.get_mut("anyOf") {
        choices.push(json!({"type": "null"}));
        return Value::Object(members);
    }
    json!({"anyOf": [members, {"type": "null"}]})
}

fn range(over: &Value, whole: bool) -> Value {
    let mut range = json!({
        "type": "object",
        "properties": {
            "lower": nullable(over.clone()),
            "upper": nullable(over.clone()),
            "bounds": {"type": "string", "enum": ["[)", "[]", "(]", "()", "empty"]},
        },
        "additionalProperties": false,
    });
    if whole {
        range["required"] = json!(["lower", "upper", "bounds"]);
    }
    range
}

/// A number, or the name of one that JSON has not.
fn number(number: &Value) -> Value {
    json!({"anyOf": [number, {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}]})
}

fn hardware(bytes: usize) -> Value {
    let pattern = format!("^([0-9A-Fa-f]{{2}}:){{{}}}[0-9A-Fa-f]{{2}}$", bytes - 1);
    json!({"type": "string", "pattern": pattern})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_url_is_what_is_read_from_it() {
        let named = |name: &str| in_url(&Type::named(name).unwrap());
        let int = json!({"type": "integer", "format": "int32"});
        assert_eq!(named("integer"), InUrl::Plain(int.clone()));
        assert_eq!(named("integer[]"), InUrl::List(json!({"type": "array", "items": int})));
        assert_eq!(named("jsonb"), InUrl::Json(json!({})));
        assert!(matches!(named("jsonb[]"), InUrl::Json(_)));
        assert!(matches!(named("daterange[]"), InUrl::Json(_)));
        assert!(matches!(named("datemultirange"), InUrl::Json(_)));
        let InUrl::Plain(range) = named("daterange") else { panic!("a range is plain") };
        let pattern = regex::Regex::new(range["pattern"].as_str().unwrap()).unwrap();
        for (text, is_range) in [
            ("empty", true),
            ("[2021-01-01,2021-02-01)", true),
            ("(,]", true),
            ("[2021-01-01)", false),
            ("2021-01-01,2021-02-01", false),
        ] {
            assert_eq!(pattern.is_match(text), is_range, "{text}");
        }
    }

    #[test]
    fn an_argument_may_leave_out_what_a_result_has() {
        let range = Type::named("int4range").unwrap();
        let (result, argument) = (of(&range), of_argument(&range));
        assert_eq!(result["required"], json!(["lower", "upper", "bounds"]));
        assert_eq!(argument.get("required"), None);
        assert_eq!(argument["properties"], result["properties"]);
        assert_eq!(of_argument(&Type::Int4), of(&Type::Int4));
    }

    #[test]
    fn null_is_added_in_the_shortest_way() {
        assert_eq!(nullable(of(&Type::Jsonb)), json!({}));
        assert_eq!(
            nullable(of(&Type::Int4)),
            json!({"type": ["integer", "null"], "format": "int32"})
        );
        assert_eq!(nullable(of(&Type::Numeric))["anyOf"][2], json!({"type": "null"}));
        let labels = json!({"type": "string", "enum": ["a"]});
        assert_eq!(nullable(labels.clone()), json!({"anyOf": [labels, {"type": "null"}]}));
    }
}
