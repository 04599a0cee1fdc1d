//! The statements of a load.

use super::{Merge, Sql};
use crate::{
    definition::file::copy::{Copy, OnConflict, quoted},
    postgres::describe::load::{Target, TargetColumn},
    value::argument::copy::Form,
};

/// The staging table; it is the session's own and goes with the transaction.
const STAGING: &str = "pg_temp.howdah_load";

/// The statements that load into `table`; `key` is the key of a conflict, none where conflicts are
/// refused.
pub(super) fn of(copy: &Copy, table: &Target, key: &[&TargetColumn], form: Form) -> Sql {
    let format = match form {
        Form::Binary => "binary",
        Form::Text => "text",
    };
    let (target, list) = (copy.target(), copy.list());
    let copy_into = |table: &str| format!("COPY {table} ({list}) FROM STDIN (FORMAT {format})");
    // Row-level security judges INSERT and not COPY.
    if copy.on_conflict == OnConflict::Reject && !table.has_row_security {
        let check = (form == Form::Binary).then(|| check(copy, table));
        return Sql { stage: None, copy: copy_into(&target), check, merge: None };
    }
    let declared: Vec<String> = copy
        .columns
        .iter()
        .filter_map(|name| {
            let column = table.columns.iter().find(|column| column.name == name.text)?;
            Some(format!("{} {}", name.quoted(), column.declared))
        })
        .collect();
    let stage =
        format!("CREATE TEMPORARY TABLE {STAGING} ({}) ON COMMIT DROP", declared.join(", "));
    // The staging table has the types that were known, and what goes from there is typed.
    let merge = Some(merge(copy, table, key));
    Sql { stage: Some(stage), copy: copy_into(STAGING), check: None, merge }
}

/// The columns that have the type that was known, counted; and nothing.
fn check(copy: &Copy, table: &Target) -> String {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let known = copy.columns.iter().filter_map(|name| {
        let column = table.columns.iter().find(|column| column.name == name.text)?;
        Some(format!("({}, {}::pg_catalog.oid)", text(&column.name), column.type_oid))
    });
    let known: Vec<String> = known.collect();
    format!(
        "SELECT count(*), 0::pg_catalog.int8 FROM (VALUES {}) AS known (name, type) \
         JOIN pg_catalog.pg_attribute AS a ON a.attname = known.name AND a.atttypid = known.type \
         WHERE a.attrelid = {}::pg_catalog.regclass",
        known.join(", "),
        text(&copy.target())
    )
}

fn merge(copy: &Copy, table: &Target, key: &[&TargetColumn]) -> Merge {
    let (target, list) = (copy.target(), copy.list());
    let insert = format!("INSERT INTO {target} ({list})");
    let names: Vec<String> = key.iter().map(|column| quoted(&column.name)).collect();
    let names = names.join(", ");
    match copy.on_conflict {
        OnConflict::Reject => {
            Merge { sql: format!("{insert} SELECT {list} FROM {STAGING}"), counts: false }
        }
        OnConflict::Skip => Merge {
            sql: format!("{insert} SELECT {list} FROM {STAGING} ON CONFLICT ({names}) DO NOTHING"),
            counts: false,
        },
        OnConflict::Replace => {
            let is_key = |name: &str| key.iter().any(|column| column.name == name);
            let mut changed: Vec<String> = copy
                .columns
                .iter()
                .filter(|name| !is_key(&name.text))
                .map(|name| format!("{0} = EXCLUDED.{0}", name.quoted()))
                .collect();
            if changed.is_empty() {
                // Rows of a key alone: written anew, so that they are counted.
                changed.extend(
                    key.iter().take(1).map(|it| format!("{0} = EXCLUDED.{0}", quoted(&it.name))),
                );
            }
            // Of rows with one key the last one counts; keys with NULL are never the same.
            let apart: Vec<String> = key
                .iter()
                .filter(|column| column.nullable)
                .map(|column| format!(" OR {} IS NULL", quoted(&column.name)))
                .collect();
            let apart = apart.concat();
            // A row that was inserted has no older version (PostgreSQL documentation, "System
            // Columns"). A partitioned table does not say.
            let is_new = if table.kind == 'p' { "NULL::pg_catalog.bool" } else { "xmax = 0" };
            let sql = format!(
                "WITH written AS ({insert} SELECT {list} FROM (SELECT {list}, \
                 pg_catalog.row_number() OVER (PARTITION BY {names} ORDER BY ctid DESC) \
                 AS howdah_at FROM {STAGING}) AS loaded WHERE howdah_at = 1{apart} \
                 ON CONFLICT ({names}) DO UPDATE SET {} RETURNING {is_new} AS is_new) \
                 SELECT count(*), count(*) FILTER (WHERE is_new) FROM written",
                changed.join(", ")
            );
            Merge { sql, counts: true }
        }
    }
}
