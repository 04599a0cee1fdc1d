//! What an operation takes: parameters and bodies, their schemas as narrow as what is accepted.

use crate::{
    definition::parameter::{Facets, Origin, Presence, Typed},
    service::Entry,
    value::{
        Type,
        schema::{self, InUrl},
    },
};
use serde_json::{Map, Value, json};

/// The Parameter Object of what stands in path, query or header field.
pub(super) fn parameter(entry: &Entry, typed: &Typed) -> Option<Value> {
    let declared = &typed.parameter;
    let (place, name) = match &declared.origin {
        Origin::Path => ("path", declared.name.as_str()),
        Origin::Query => ("query", declared.name.as_str()),
        Origin::Header(field) => ("header", field.as_str()),
        Origin::Body | Origin::Claim(_) => return None,
    };
    let mut object = Map::new();
    object.insert("name".to_owned(), name.into());
    object.insert("in".to_owned(), place.into());
    if let Some(description) = &declared.description {
        object.insert("description".to_owned(), description.as_str().into());
    }
    if place == "path" || declared.presence == Presence::Required {
        object.insert("required".to_owned(), true.into());
    }
    let example = declared.example.clone();
    match schema::in_url(&typed.ty) {
        InUrl::Json(schema) => {
            let mut media = json!({ "schema": narrowed(schema, typed) });
            if let Some(example) = example {
                media["example"] = example;
            }
            object.insert("content".to_owned(), json!({ "application/json": media }));
            return Some(object.into());
        }
        InUrl::List(schema) => {
            let style = if place == "query" { "form" } else { "simple" };
            object.insert("style".to_owned(), style.into());
            object.insert("explode".to_owned(), false.into());
            let mut schema = narrowed(without_commas(schema), typed);
            if place == "path" {
                schema["minItems"] = 1.into();
            }
            object.insert("schema".to_owned(), schema);
        }
        InUrl::Plain(schema) => {
            let mut schema = tool(entry, typed).unwrap_or_else(|| narrowed(schema, typed));
            let is_text = schema["type"] == "string" && schema.get("enum").is_none();
            if place == "path" && is_text && schema["minLength"].as_u64().unwrap_or(0) == 0 {
                schema["minLength"] = 1.into();
            }
            object.insert("schema".to_owned(), schema);
        }
    }
    if let Some(example) = example {
        object.insert("example".to_owned(), example);
    }
    Some(object.into())
}

/// The Request Body Object, when something stands in the body.
pub(super) fn body(entry: &Entry) -> Option<Value> {
    let members: Vec<&Typed> =
        entry.parameters().iter().filter(|it| it.parameter.origin == Origin::Body).collect();
    if members.is_empty() {
        return None;
    }
    let required: Vec<&str> = members
        .iter()
        .filter(|it| it.parameter.presence == Presence::Required)
        .map(|it| it.parameter.name.as_str())
        .collect();
    let object = |properties: Map<String, Value>| {
        let mut object = json!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        object
    };
    let mut in_json = Map::new();
    let mut in_form = Map::new();
    let mut encoding = Map::new();
    for typed in &members {
        let name = typed.parameter.name.as_str().to_owned();
        let described = |schema: Value| match &typed.parameter.description {
            Some(text) => with(schema, "description", text.as_str().into()),
            None => schema,
        };
        let member =
            tool(entry, typed).unwrap_or_else(|| narrowed(schema::of_argument(&typed.ty), typed));
        let nullable = typed.parameter.presence == Presence::Optional;
        let member = if nullable { schema::nullable(member) } else { member };
        in_json.insert(name.clone(), described(member));
        let field = match schema::in_url(&typed.ty) {
            InUrl::Plain(schema) => tool(entry, typed).unwrap_or_else(|| narrowed(schema, typed)),
            InUrl::List(schema) => {
                encoding.insert(name.clone(), json!({ "style": "form", "explode": false }));
                narrowed(without_commas(schema), typed)
            }
            InUrl::Json(schema) => {
                encoding.insert(name.clone(), json!({ "contentType": "application/json" }));
                narrowed(schema, typed)
            }
        };
        in_form.insert(name, described(field));
    }
    let mut as_json = json!({ "schema": object(in_json) });
    if let Some(example) = example(&members) {
        as_json["example"] = example;
    }
    let mut as_form = json!({ "schema": object(in_form) });
    if !encoding.is_empty() {
        as_form["encoding"] = encoding.into();
    }
    Some(json!({
        "required": !required.is_empty(),
        "content": {
            "application/json": as_json,
            "application/x-www-form-urlencoded": as_form,
        },
    }))
}

/// A whole body, when every member that it must have has an example.
fn example(members: &[&Typed]) -> Option<Value> {
    let is_whole = members
        .iter()
        .all(|it| it.parameter.example.is_some() || it.parameter.presence != Presence::Required);
    let examples: Map<String, Value> = members
        .iter()
        .filter_map(|it| {
            Some((it.parameter.name.as_str().to_owned(), it.parameter.example.clone()?))
        })
        .collect();
    (is_whole && !examples.is_empty()).then(|| examples.into())
}

/// The schema of what a tool takes, which is narrower than the text it is declared as.
fn tool(entry: &Entry, typed: &Typed) -> Option<Value> {
    use crate::{
        builtin::{calculate, ping},
        service::Action,
    };
    match (&entry.action, typed.parameter.name.as_str()) {
        (Action::Ping { .. }, ping::PARAMETER) => {
            Some(json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] }))
        }
        (Action::Calculate, "expr") => {
            let schema =
                json!({ "type": "string", "minLength": 1, "maxLength": calculate::MAX_CHARACTERS });
            Some(schema)
        }
        _ => None,
    }
}

/// The schema of a type with the parameter's facets and default.
fn narrowed(mut schema: Value, typed: &Typed) -> Value {
    let element = match typed.ty.base() {
        Type::Array(element) => element,
        _ => &typed.ty,
    };
    apply(&mut schema, element, &typed.parameter.facets);
    match &typed.parameter.presence {
        Presence::Default(value) => with(schema, "default", value.clone()),
        _ => schema,
    }
}

fn with(mut schema: Value, key: &str, value: Value) -> Value {
    schema[key] = value;
    schema
}

/// Puts the facets where the plain values are: into the items of an array.
fn apply(schema: &mut Value, ty: &Type, facets: &Facets) {
    if schema["type"] == "array" && schema.get("items").is_some() {
        return apply(&mut schema["items"], ty, facets);
    }
    if let Some(allowed) = &facets.allowed {
        // The values say of what type they are, and an enumeration has no other facet left.
        let nullable = schema["type"].is_array() || is_nullable(schema);
        *schema = json!({ "enum": allowed });
        if nullable {
            *schema = schema::nullable(schema.take());
        }
        return;
    }
    if ty.is_numeric() {
        bound(schema, facets);
    }
    for (key, length) in [("minLength", facets.min_length), ("maxLength", facets.max_length)] {
        if let Some(length) = length {
            schema[key] = length.into();
        }
    }
    if let Some((written, _)) = &facets.pattern {
        if is_ecma(written) {
            schema["pattern"] = format!("^(?:{written})$").into();
        } else {
            // Whoever reads it knows what is meant; a program would not.
            schema["description"] =
                format!("matches `{written}`, in the syntax of Rust's regex crate").into();
        }
    } else if schema["type"] == "string"
        && !["enum", "format", "pattern", "contentEncoding"]
            .iter()
            .any(|it| schema.get(it).is_some())
    {
        schema["pattern"] = WITHOUT_NUL.into();
    }
}

/// Any text that PostgreSQL has: it knows no NUL character.
const WITHOUT_NUL: &str = r"^[^\u0000]*$";

/// Whether one of the choices is NULL.
fn is_nullable(schema: &Value) -> bool {
    let choices = schema["anyOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    choices.iter().any(|choice| choice["type"] == "null")
}

/// Sets the bounds of a number. A bound also refuses the numbers that JSON has no digits for: NaN
/// by any, an infinity by the bound on its side.
fn bound(schema: &mut Value, facets: &Facets) {
    let (minimum, maximum) = (&facets.minimum, &facets.maximum);
    if minimum.is_none() && maximum.is_none() {
        return;
    }
    let set = |schema: &mut Value| {
        for (key, number) in [("minimum", minimum), ("maximum", maximum)] {
            if let Some(number) = number {
                schema[key] = number.clone().into();
            }
        }
    };
    let Some(choices) = schema.get_mut("anyOf").and_then(Value::as_array_mut) else {
        return set(schema);
    };
    for choice in choices.iter_mut() {
        if choice["type"] == "number" {
            set(choice);
        } else if let Some(names) = choice.get_mut("enum").and_then(Value::as_array_mut) {
            names.retain(|name| match name.as_str() {
                Some("Infinity") => maximum.is_none(),
                Some("-Infinity") => minimum.is_none(),
                _ => false,
            });
        }
    }
    choices.retain(|choice| choice["enum"].as_array().is_none_or(|names| !names.is_empty()));
    if let [only] = choices.as_slice() {
        *schema = only.clone();
    }
}

/// A list of texts with commas between them, none of which has a comma itself.
fn without_commas(mut list: Value) -> Value {
    let item = &mut list["items"];
    if item["type"] == "string" && item.get("format").is_none() && item.get("enum").is_none() {
        item["pattern"] = "^[^,]*$".into();
    }
    list
}

/// Whether a pattern of the regex crate means the same to ECMA-262, which JSON Schema has its
/// patterns from. `\d`, `\w`, `\s` and `.` do for ASCII.
fn is_ecma(pattern: &str) -> bool {
    const ALIEN: [&str; 12] =
        ["[[", "&&", "--", "~~", r"\A", r"\z", r"\a", r"\x{", r"\u{", r"\U", r"\p", r"\P"];
    let groups_are = pattern
        .match_indices("(?")
        .all(|(at, _)| pattern[at + 2..].starts_with(':') || pattern[at + 2..].starts_with('<'));
    groups_are && !ALIEN.iter().any(|it| pattern.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_ecma_262_reads_otherwise_is_told_in_words() {
        for same in ["[A-Z]{5}", r"\d+", "(?:a|b)", "(?<year>[0-9]{4})", "^a$"] {
            assert!(is_ecma(same), "{same}");
        }
        for other in ["(?i)a", "(?P<y>a)", r"a\z", r"\p{L}", "[[:alpha:]]", "[a-z&&[^b]]"] {
            assert!(!is_ecma(other), "{other}");
        }
        let facets = |pattern: &str| Facets {
            pattern: Some((pattern.to_owned(), regex::Regex::new(pattern).unwrap())),
            ..Facets::default()
        };
        let mut schema = json!({ "type": "string" });
        apply(&mut schema, &Type::Text, &facets("a|b"));
        assert_eq!(schema["pattern"], "^(?:a|b)$");
        let mut schema = json!({ "type": "array", "items": { "type": "string" } });
        apply(&mut schema, &Type::Text, &facets("(?i)a"));
        assert_eq!(schema["items"].get("pattern"), None);
        assert!(schema["items"]["description"].as_str().unwrap().contains("(?i)a"));
    }

    #[test]
    fn a_bound_refuses_what_has_no_digits() {
        let facets = |minimum: Option<i32>, maximum: Option<i32>| Facets {
            minimum: minimum.map(Into::into),
            maximum: maximum.map(Into::into),
            ..Facets::default()
        };
        let narrowed = |facets: &Facets| {
            let mut schema = schema::of(&Type::Numeric);
            apply(&mut schema, &Type::Numeric, facets);
            schema
        };
        assert_eq!(narrowed(&facets(None, None)), schema::of(&Type::Numeric));
        assert_eq!(narrowed(&facets(Some(1), None))["anyOf"][1]["enum"], json!(["Infinity"]));
        assert_eq!(narrowed(&facets(None, Some(2)))["anyOf"][1]["enum"], json!(["-Infinity"]));
        let both = json!({ "type": "number", "minimum": 1, "maximum": 2 });
        assert_eq!(narrowed(&facets(Some(1), Some(2))), both);
    }

    #[test]
    fn an_enumeration_says_what_it_allows() {
        let facets = Facets { allowed: Some(vec!["a".into()]), ..Facets::default() };
        let mut schema = json!({ "type": "array", "items": { "type": ["string", "null"] } });
        apply(&mut schema, &Type::Text, &facets);
        assert_eq!(schema["items"], json!({ "anyOf": [{ "enum": ["a"] }, { "type": "null" }] }));
    }
}
