//! What an endpoint that loads rows takes and gives.

use super::response::object;
use crate::{
    decode::{Column, Format, MEDIA_TYPES},
    definition::file::copy::OnConflict,
    endpoint::bulk::Bulk,
    value::schema,
};
use serde_json::{Value, json};
use std::fmt::Write;

/// The Request Body Object: the same rows in each format.
pub(super) fn body(bulk: &Bulk) -> Value {
    let row = row(bulk.columns.all());
    let names: Vec<&str> = bulk.columns.all().iter().map(|it| it.name.as_str()).collect();
    let mut content = serde_json::Map::new();
    for (media_type, format) in MEDIA_TYPES {
        let schema = match format {
            Format::Json => {
                json!({ "type": "array", "maxItems": bulk.copy.max_rows, "items": row })
            }
            Format::Ndjson => {
                json!({ "type": "string", "description": "A JSON object on each line" })
            }
            Format::Csv => json!({
                "type": "string",
                "description": format!(
                    "RFC 4180 with a header record that names {} in any order; an empty field is NULL",
                    names.join(", ")
                ),
            }),
        };
        content.insert(media_type.to_owned(), json!({ "schema": schema }));
    }
    json!({ "description": describe(bulk), "required": true, "content": content })
}

fn describe(bulk: &Bulk) -> String {
    let copy = &bulk.copy;
    let mut text = format!(
        "Rows, all of which go in or none; {} at most, in {} bytes at most, decompressed. \
         `Content-Encoding` may be gzip or zstd. ",
        copy.max_rows, copy.max_bytes
    );
    let what = match copy.on_conflict {
        OnConflict::Reject => "A row that a key of the table does not allow refuses all of them.",
        OnConflict::Skip => "A row whose key is there already is left out.",
        OnConflict::Replace => "A row whose key is there already takes the place of that one.",
    };
    // Writing into a String does not fail.
    let _ = write!(text, "{what}");
    text
}

fn row(columns: &[Column]) -> Value {
    object(columns.iter().map(|column| {
        let schema = schema::of_argument(&column.ty);
        let schema = if column.nullable { schema::nullable(schema) } else { schema };
        (column.name.clone(), schema)
    }))
}

/// The schema of the answer.
pub(super) fn answer(bulk: &Bulk) -> Value {
    let mut members =
        vec![("rows", "Rows of the body"), ("inserted", "Rows that are new in the table")];
    match bulk.copy.on_conflict {
        OnConflict::Reject => {}
        OnConflict::Skip => members.push(("skipped", "Rows that were left out")),
        OnConflict::Replace => members.extend([
            ("replaced", "Rows that took the place of others in the table"),
            ("superseded", "Rows whose key a later row of the body has"),
        ]),
    }
    object(members.into_iter().map(|(name, what)| {
        let schema = json!({ "description": what, "type": "integer", "minimum": 0 });
        (name.to_owned(), schema)
    }))
}
