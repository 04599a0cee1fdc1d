//! The description for a person: each route with what it takes and gives.

use super::operation::{definition, kind};
use crate::{
    definition::{
        file::{self, ResultShape},
        parameter::{Facets, Origin, Parameter, Presence},
    },
    endpoint::Endpoint,
    service::{Action, Entry, Service},
};
use serde_json::Value;
use std::fmt::Write;

/// The longest default, example or allowed value that is shown whole, in characters.
const SHOWN: usize = 40;

/// What a service serves, for a terminal. Of an endpoint that the database has not typed it says
/// what its file says.
pub fn table(service: &Service) -> String {
    let described = &service.config.service;
    let mut text = format!("{} {}", described.name, described.version);
    if let Some(description) = &described.description {
        let _ = write!(text, "  {description}");
    }
    text.push('\n');
    for entry in service.entries() {
        route(entry, &mut text);
    }
    text
}

// Writing into a String does not fail: what `write!` gives is dropped throughout.

fn route(entry: &Entry, text: &mut String) {
    let _ = write!(text, "\n{} {}", entry.method.as_str(), entry.path.as_str());
    if let Some(summary) = &entry.summary {
        let _ = write!(text, "  {summary}");
    }
    text.push('\n');
    let from = match &entry.action {
        Action::Endpoint(endpoint) => {
            format!("{}, lane {}", endpoint.definition.source.path(), endpoint.lane)
        }
        Action::Bulk(bulk) => format!(
            "{}, lane {}, into {} ({})",
            bulk.definition.source.path(),
            bulk.lane,
            bulk.copy.target(),
            bulk.copy.list()
        ),
        Action::Pending(file) => {
            format!("{}; the database, which knows the types, was not asked", file.source.path())
        }
        _ => kind(entry).to_owned(),
    };
    let _ = writeln!(text, "  {from}");
    let rows: Vec<[String; 5]> = match (&entry.action, definition(entry)) {
        (Action::Pending(_), Some(file)) => {
            file.parameters.iter().map(|it| parameter(it, it.type_name.as_deref())).collect()
        }
        _ => entry
            .parameters()
            .iter()
            .map(|it| parameter(&it.parameter, Some(&it.ty.name())))
            .collect(),
    };
    if !rows.is_empty() {
        text.push_str("  takes\n");
        columns(&rows, text);
    }
    if let Some(file) = definition(entry) {
        let _ = writeln!(text, "  gives {}", shape(file));
    }
    if let Action::Endpoint(endpoint) = &entry.action {
        columns(&results(endpoint), text);
    }
}

/// Name, place, type, rules, description.
fn parameter(parameter: &Parameter, type_name: Option<&str>) -> [String; 5] {
    [
        match &parameter.origin {
            Origin::Header(field) => field.clone(),
            _ => parameter.name.as_str().to_owned(),
        },
        place(&parameter.origin).to_owned(),
        type_name.unwrap_or("?").to_owned(),
        rules(parameter).join(", "),
        parameter.description.clone().unwrap_or_default(),
    ]
}

/// Where an argument stands.
pub(super) fn place(origin: &Origin) -> &'static str {
    match origin {
        Origin::Path => "path",
        Origin::Query => "query",
        Origin::Body => "body",
        Origin::Header(_) => "header",
        Origin::Claim(_) => "claim",
    }
}

/// What an argument must keep to, in words.
fn rules(parameter: &Parameter) -> Vec<String> {
    let Facets { minimum, maximum, min_length, max_length, pattern, allowed } = &parameter.facets;
    let mut rules = vec![match &parameter.presence {
        Presence::Required => "required".to_owned(),
        Presence::Optional => "optional".to_owned(),
        Presence::Default(value) => format!("default {}", shown(value)),
    }];
    rules.extend(between(minimum.as_ref(), maximum.as_ref(), ""));
    rules.extend(between(min_length.as_ref(), max_length.as_ref(), " characters"));
    rules.extend(pattern.as_ref().map(|(written, _)| format!("matches {written}")));
    rules.extend(allowed.as_ref().map(|allowed| {
        let allowed: Vec<String> = allowed.iter().map(shown).collect();
        format!("one of {}", allowed.join(" "))
    }));
    rules
}

fn between<T: std::fmt::Display>(least: Option<T>, most: Option<T>, what: &str) -> Option<String> {
    match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{what}")),
        (Some(least), None) => Some(format!("{least}{what} or more")),
        (None, Some(most)) => Some(format!("at most {most}{what}")),
        (None, None) => None,
    }
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// The shape of the answer, in words.
fn shape(file: &file::Endpoint) -> String {
    if let Some(copy) = &file.copy {
        let (most, conflict) = (copy.max_rows, copy.on_conflict.as_str());
        return format!("counts of rows, for {most} rows at most; conflicts: {conflict}");
    }
    let mut words = match file.result {
        ResultShape::Rows => format!("rows, at most {}", file.max_rows),
        ResultShape::Row => "one row, or 404".to_owned(),
        ResultShape::Value => "one value, or 404".to_owned(),
        ResultShape::None => "nothing: 204".to_owned(),
    };
    if let Some(envelope) = &file.envelope {
        let _ = write!(words, ", in `{envelope}`");
    }
    words
}

/// Name, type, whether it may be NULL.
fn results(endpoint: &Endpoint) -> Vec<[String; 3]> {
    if endpoint.answers_nothing() {
        return Vec::new();
    }
    let column = |column: &crate::postgres::describe::Column| {
        let ty = column.described.ty.as_ref();
        [
            column.name.clone(),
            ty.map_or_else(|| column.described.server_name.clone(), crate::value::Type::name),
            if column.nullable { "or null" } else { "" }.to_owned(),
        ]
    };
    endpoint.columns.iter().map(column).collect()
}

/// Rows of cells, each column as wide as its widest cell.
fn columns<const N: usize>(rows: &[[String; N]], text: &mut String) {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in rows {
        let mut line = String::from("   ");
        for (cell, width) in row.iter().zip(&widths).filter(|(_, width)| **width > 0) {
            let _ = write!(line, " {cell:<width$} ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}
