//! PostgreSQL as the type checker: what a statement takes, gives and does.
//!
//! Owns asking the server about a statement before it serves. Does not own what an unfit answer
//! means for an endpoint (`endpoint`).

pub mod load;
mod nature;

pub use nature::{array_types, volatile_functions};

use super::session::Session;
use crate::value::{Composite, Domain, Enumeration, Type};
use std::{
    collections::{BTreeSet, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio_postgres::{
    Error, SimpleQueryMessage,
    types::{Kind, Type as ServerType},
};

/// How deep types may nest in each other: an array of a composite of a range is three.
const MAX_NESTING: usize = 16;

/// What the server says about a statement.
#[derive(Debug)]
pub struct Described {
    /// The type of `$1`, `$2`, …
    pub parameters: Vec<TypeUse>,
    /// The columns it gives.
    pub columns: Vec<Column>,
}

/// A type as the server names it and, where Howdah can serve it, as Howdah knows it.
#[derive(Clone, Debug)]
pub struct TypeUse {
    /// The type's OID.
    pub oid: u32,
    /// The type's name on the server.
    pub server_name: String,
    /// The type, or `None` when it has no form here.
    pub ty: Option<Type>,
}

/// A column of a statement's result.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub described: TypeUse,
    /// The type's modifier, as of `numeric(12, 2)`; -1 when there is none.
    pub modifier: i32,
    /// Whether it may be NULL, as far as the server can tell: a column of a table that is declared
    /// NOT NULL may not, unless the statement's [`Plan`] extends rows with NULL; anything computed
    /// may.
    pub nullable: bool,
    /// The table and the number of its column that it is, when it is one as it stands.
    pub origin: Option<(u32, i16)>,
}

/// Asks the server for the types of `sql`, whose parameters have the types `stated` (by name) where
/// the author stated one.
///
/// # Errors
/// The server's refusal, with its position.
pub async fn describe(
    session: &Session,
    sql: &str,
    stated: &[Option<ServerType>],
) -> Result<Described, Error> {
    // `unknown` leaves the type to the server, as 0 does (PostgreSQL documentation, "Parse").
    let types: Vec<ServerType> =
        stated.iter().map(|it| it.clone().unwrap_or(ServerType::UNKNOWN)).collect();
    let statement = session.prepare_typed(sql, &types).await?;
    let parameters = statement.params().iter().map(described).collect();
    let origins: Vec<_> = statement
        .columns()
        .iter()
        .map(|column| column.table_oid().zip(column.column_id()))
        .collect();
    let not_null = not_null(session, origins.iter().flatten().copied()).await?;
    let columns = statement
        .columns()
        .iter()
        .zip(&origins)
        .map(|(column, origin)| Column {
            name: column.name().to_owned(),
            described: described(column.type_()),
            modifier: column.type_modifier(),
            nullable: !origin.is_some_and(|origin| not_null.contains(&origin)),
            origin: *origin,
        })
        .collect();
    Ok(Described { parameters, columns })
}

/// The type that an author named, if the server has it.
///
/// # Errors
/// When the server could not be asked.
pub async fn named_type(session: &Session, name: &str) -> Result<Option<ServerType>, Error> {
    // A name that is none makes to_regtype give NULL or, from PostgreSQL 16 on, an error for some.
    let Ok(row) =
        session.query_one("SELECT pg_catalog.to_regtype($1)::pg_catalog.text", &[&name]).await
    else {
        return Ok(None);
    };
    let Some(known) = row.get::<_, Option<String>>(0) else { return Ok(None) };
    // The server's own spelling of one of its types: nothing of the author's text is left in it.
    let statement = session.prepare(&format!("SELECT NULL::{known}")).await?;
    Ok(statement.columns().first().map(|column| column.type_().clone()))
}

/// What the server's plan for a statement tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Whether it writes or locks rows.
    pub writes: bool,
    /// Whether it can make NULL of a column that its table declares NOT NULL: an outer join does so
    /// for rows without a partner, grouping sets for what a set leaves out.
    pub extends_with_null: bool,
    /// Whether it reads a random sample of a table.
    pub samples: bool,
    /// What the planner thinks that it costs.
    pub cost: f64,
    /// The functions that its expressions call, without their schemas.
    pub functions: BTreeSet<String>,
}

/// The plan that the server makes for the statement, whatever its arguments. `None` when it plans no
/// such statement (`SHOW`, `CALL`).
///
/// # Errors
/// When the server could not be asked.
pub async fn plan(
    session: &Session,
    sql: &str,
    parameters: &[TypeUse],
) -> Result<Option<Plan>, Error> {
    // Several statements at a time are asked about, and one that fails leaves its name behind.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = format!("howdah_plan_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let types: Vec<_> = parameters.iter().map(|it| it.server_name.as_str()).collect();
    let list = if types.is_empty() { String::new() } else { format!(" ({})", types.join(", ")) };
    let nulls = vec!["NULL"; types.len()].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    // One message, one round trip.
    let answer = session
        .simple_query(&format!(
            "SET plan_cache_mode = force_generic_plan; PREPARE {name}{list} AS {sql}\n; \
             EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {name}{arguments}; DEALLOCATE {name}"
        ))
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.as_db_error().is_some() => return Ok(None),
        Err(error) => return Err(error),
    };
    let text: String = answer
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect();
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    Ok(Some(Plan {
        writes: has_node(&plan, &|node| {
            matches!(word(node, "Node Type"), Some("ModifyTable" | "LockRows"))
        }),
        extends_with_null: has_node(&plan, &extends_with_null),
        samples: has_node(&plan, &|node| word(node, "Node Type") == Some("Sample Scan")),
        cost: plan
            .pointer("/0/Plan/Total Cost")
            .and_then(serde_json::Value::as_f64)
            .unwrap_or(f64::INFINITY),
        functions: nature::functions(&plan),
    }))
}

type Node = serde_json::Map<String, serde_json::Value>;

/// Whether the node can give NULL in the place of what it reads.
fn extends_with_null(node: &Node) -> bool {
    match word(node, "Join Type") {
        Some("Left" | "Right" | "Full") => true,
        // An outer join of which only rows without a partner are wanted. NOT EXISTS is the same, but
        // gives no column of that side.
        Some("Anti") => gives_columns_of(node, "Inner"),
        Some("Right Anti") => gives_columns_of(node, "Outer"),
        _ => node.contains_key("Grouping Sets"),
    }
}

fn gives_columns_of(node: &Node, side: &str) -> bool {
    let output = |node: &Node| node.get("Output").and_then(|it| it.as_array().cloned());
    let children = node.get("Plans").and_then(serde_json::Value::as_array);
    let child = children.into_iter().flatten().filter_map(serde_json::Value::as_object);
    let child = child.filter(|it| word(it, "Parent Relationship") == Some(side)).find_map(output);
    let (Some(given), Some(read)) = (output(node), child) else { return true };
    given.iter().any(|column| read.contains(column))
}

fn word<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key)?.as_str()
}

fn has_node(plan: &serde_json::Value, wanted: &dyn Fn(&Node) -> bool) -> bool {
    match plan {
        serde_json::Value::Array(items) => items.iter().any(|it| has_node(it, wanted)),
        serde_json::Value::Object(members) => {
            wanted(members) || members.values().any(|it| has_node(it, wanted))
        }
        _ => false,
    }
}

/// Those of the table columns that are declared NOT NULL.
async fn not_null(
    session: &Session,
    origins: impl Iterator<Item = (u32, i16)>,
) -> Result<HashSet<(u32, i16)>, Error> {
    let (tables, columns): (Vec<u32>, Vec<i16>) = origins.unzip();
    if tables.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = session
        .query(
            "SELECT a.attrelid, a.attnum FROM pg_catalog.pg_attribute a \
             JOIN unnest($1::pg_catalog.oid[], $2::pg_catalog.int2[]) AS o (attrelid, attnum) \
             USING (attrelid, attnum) WHERE a.attnotnull",
            &[&tables, &columns],
        )
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Whether a unique index has no other columns than these, which are declared NOT NULL.
///
/// # Errors
/// When the server could not be asked.
pub async fn has_unique_index(session: &Session, columns: &[(u32, i16)]) -> Result<bool, Error> {
    let (tables, numbers): (Vec<u32>, Vec<i16>) = columns.iter().copied().unzip();
    let row = session
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_index i \
             WHERE i.indrelid = ANY ($1::pg_catalog.oid[]) AND i.indisunique AND i.indisvalid \
             AND i.indpred IS NULL AND NOT EXISTS ( \
                 SELECT FROM unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k (attnum, place) \
                 WHERE k.place <= i.indnkeyatts AND (i.indrelid, k.attnum) NOT IN ( \
                     SELECT * FROM unnest($1::pg_catalog.oid[], $2::pg_catalog.int2[]))))",
            &[&tables, &numbers],
        )
        .await?;
    Ok(row.get(0))
}

fn described(server: &ServerType) -> TypeUse {
    let server_name = match server.schema() {
        "pg_catalog" => match server.kind() {
            Kind::Array(element) => format!("{}[]", described(element).server_name),
            _ => format!("pg_catalog.\"{}\"", server.name().replace('"', "\"\"")),
        },
        schema => format!(
            "\"{}\".\"{}\"",
            schema.replace('"', "\"\""),
            server.name().replace('"', "\"\"")
        ),
    };
    TypeUse { oid: server.oid(), server_name, ty: known(server, 0) }
}

/// The server's type as Howdah knows it.
fn known(server: &ServerType, depth: usize) -> Option<Type> {
    if depth > MAX_NESTING {
        return None;
    }
    if let Some(builtin) = Type::builtin(server.oid()) {
        return Some(builtin);
    }
    let name = server.name().to_owned();
    Some(match server.kind() {
        Kind::Enum(labels) => Type::Enum(Arc::new(Enumeration { name, labels: labels.clone() })),
        Kind::Domain(base) => {
            Type::Domain(Arc::new(Domain { name, base: known(base, depth + 1)? }))
        }
        Kind::Array(element) => Type::Array(Arc::new(known(element, depth + 1)?)),
        Kind::Range(element) => Type::Range(Arc::new(known(element, depth + 1)?)),
        Kind::Multirange(element) => Type::Multirange(Arc::new(multirange_base(element, depth)?)),
        Kind::Composite(fields) => {
            let fields = fields
                .iter()
                .map(|field| Some((field.name().to_owned(), known(field.type_(), depth + 1)?)))
                .collect::<Option<_>>()?;
            Type::Composite(Arc::new(Composite { name, fields }))
        }
        _ => return None,
    })
}

/// A multirange is over the type its range is over; servers and clients name either.
fn multirange_base(server: &ServerType, depth: usize) -> Option<Type> {
    match server.kind() {
        Kind::Range(element) => known(element, depth + 1),
        _ => known(server, depth + 1),
    }
}
