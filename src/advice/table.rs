//! What the catalogue says of a table: how large it is, its columns, its indexes.

use crate::postgres::session::Session;
use std::collections::BTreeMap;
use tokio_postgres::Error;

/// A table.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Its name, as SQL writes it, with its schema where the search path does not lead to it.
    pub(super) name: String,
    /// Rows, by the planner's own estimate.
    pub(super) rows: f64,
    /// Its size in bytes.
    pub(super) bytes: f64,
    /// Whether ANALYZE has never seen it: all estimates are guesses.
    pub(super) unseen: bool,
    /// Each column with its type's name: `int4`, `varchar`.
    pub(super) columns: BTreeMap<String, String>,
    /// The columns of each whole, valid B-tree, in order.
    pub(super) indexes: Vec<Vec<String>>,
}

impl Table {
    /// Whether an index has exactly these columns in front: in any order those that are compared for
    /// equality, then the rest in theirs.
    pub(super) fn has_index(&self, equal: &[String], then: &[String]) -> bool {
        self.indexes.iter().any(|index| {
            let Some((front, back)) = index.split_at_checked(equal.len()) else { return false };
            front.iter().all(|it| equal.contains(it)) && back.starts_with(then)
        })
    }
}

/// Reads a table; `None` for what is none, as a foreign one.
pub(super) async fn read(
    session: &Session,
    schema: &str,
    name: &str,
) -> Result<Option<Table>, Error> {
    let rows = session
        .query(
            "SELECT c.oid, c.oid::pg_catalog.regclass::pg_catalog.text, c.reltuples::float8, \
               c.relpages, pg_catalog.pg_relation_size(c.oid)::float8 \
             FROM pg_catalog.pg_class AS c \
             JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'm')",
            &[&schema, &name],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (oid, name): (u32, String) = (row.get(0), row.get(1));
    let (known, pages, bytes): (f64, i32, f64) = (row.get(2), row.get(3), row.get(4));
    let columns = session
        .query(
            "SELECT a.attname::text, t.typname::text FROM pg_catalog.pg_attribute AS a \
             JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid \
             WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped",
            &[&oid],
        )
        .await?;
    let indexes = session
        .query(
            "SELECT array(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (n, at) \
               JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.n \
               WHERE k.at <= i.indnkeyatts ORDER BY k.at) \
             FROM pg_catalog.pg_index AS i \
             JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid \
             JOIN pg_catalog.pg_am AS m ON m.oid = c.relam \
             WHERE i.indrelid = $1 AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL \
               AND m.amname = 'btree'",
            &[&oid],
        )
        .await?;
    // A table that nobody has analysed, or that has grown since: the planner reckons with its pages.
    let unseen = known <= 0.0 && pages == 0;
    let rows = if unseen { planned_rows(session, &name).await? } else { known };
    Ok(Some(Table {
        name,
        rows,
        bytes,
        unseen,
        columns: columns.iter().map(|row| (row.get(0), row.get(1))).collect(),
        indexes: indexes.iter().map(|row| row.get(0)).collect(),
    }))
}

/// How many rows the planner believes that a table has. `name` is as the server quotes it.
async fn planned_rows(session: &Session, name: &str) -> Result<f64, Error> {
    let said = session.simple_query(&format!("EXPLAIN (FORMAT JSON) SELECT FROM {name}")).await?;
    Ok(super::Node::parse(&super::text(&said)).map_or(0.0, |plan| plan.rows))
}

/// Whether every function of that name gives the same for the same, so that an index may hold what
/// it gives.
pub(super) async fn is_immutable(session: &Session, function: &str) -> Result<bool, Error> {
    let row = session
        .query_one(
            "SELECT coalesce(bool_and(provolatile = 'i'), false) FROM pg_catalog.pg_proc \
             WHERE proname = $1",
            &[&function],
        )
        .await?;
    Ok(row.get(0))
}

/// Whether the server has an extension, installed or to be installed.
pub(super) async fn has_extension(session: &Session, name: &str) -> Result<bool, Error> {
    let row = session
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = $1)",
            &[&name],
        )
        .await?;
    Ok(row.get(0))
}
