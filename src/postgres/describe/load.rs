//! What the catalogue says of a table that rows are loaded into.

use super::{TypeUse, described};
use crate::postgres::session::Session;
use tokio_postgres::Error;

/// A table as the catalogue has it.
#[derive(Debug)]
pub struct Target {
    /// `pg_class.relkind`.
    pub kind: char,
    /// Whether it has row-level security; COPY does not run for roles that it holds for.
    pub has_row_security: bool,
    /// Its columns, in their order.
    pub columns: Vec<TargetColumn>,
    /// Its keys, the primary one first: those that `ON CONFLICT` can name by their columns.
    pub keys: Vec<Key>,
}

/// A column of such a table.
#[derive(Debug)]
pub struct TargetColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub described: TypeUse,
    /// The OID of its type; of a domain its own, where [`TypeUse`] may have the one below it.
    pub type_oid: u32,
    /// The type with its modifier, as SQL declares it: `character varying(3)`.
    pub declared: String,
    /// Whether it takes NULL.
    pub nullable: bool,
    /// Whether the database alone makes its values.
    pub is_generated: bool,
    /// Whether the role may insert into it.
    pub may_insert: bool,
}

/// A key of such a table.
#[derive(Debug)]
pub struct Key {
    /// Whether it is the primary one.
    pub is_primary: bool,
    /// Its columns.
    pub columns: Vec<String>,
}

const TABLE: &str = "SELECT c.oid, c.relkind, c.relrowsecurity \
     FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)";

const COLUMNS: &str = "SELECT a.attname::pg_catalog.text, \
     pg_catalog.format_type(a.atttypid, NULL), pg_catalog.format_type(a.atttypid, a.atttypmod), \
     a.attnotnull, a.attgenerated <> '' OR a.attidentity = 'a', \
     pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'INSERT'), a.atttypid \
     FROM pg_catalog.pg_attribute a \
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

// A partial key, one over an expression, and one that is checked later are none to ON CONFLICT.
const KEYS: &str = "SELECT i.indisprimary, ARRAY(SELECT a.attname::pg_catalog.text \
     FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k (attnum, at) \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
     WHERE k.at <= i.indnkeyatts ORDER BY k.at) \
     FROM pg_catalog.pg_index i WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid \
     AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL \
     ORDER BY i.indisprimary DESC, i.indexrelid";

/// The table that `target` names in SQL; `None` when there is none.
///
/// # Errors
/// When the server could not be asked, or refuses.
pub async fn target(session: &Session, target: &str) -> Result<Option<Target>, Error> {
    let Some(table) = session.query_opt(TABLE, &[&target]).await? else { return Ok(None) };
    let oid: u32 = table.get(0);
    let rows = session.query(COLUMNS, &[&oid]).await?;
    // The types by way of a statement, which brings along what they are made of.
    let nulls: Vec<String> =
        rows.iter().map(|row| format!("NULL::{}", row.get::<_, String>(1))).collect();
    let typed = session.prepare(&format!("SELECT {}", nulls.join(", "))).await?;
    let columns = rows.iter().zip(typed.columns()).map(|(row, column)| TargetColumn {
        name: row.get(0),
        described: described(column.type_()),
        type_oid: row.get(6),
        declared: row.get(2),
        nullable: !row.get::<_, bool>(3),
        is_generated: row.get(4),
        may_insert: row.get(5),
    });
    let columns = columns.collect();
    let keys = session.query(KEYS, &[&oid]).await?;
    let keys = keys.iter().map(|row| Key { is_primary: row.get(0), columns: row.get(1) });
    let kind: i8 = table.get(1);
    Ok(Some(Target {
        kind: char::from(kind.cast_unsigned()),
        has_row_security: table.get(2),
        columns,
        keys: keys.collect(),
    }))
}

/// The names of the tables that the role can see, for the one that was meant.
///
/// # Errors
/// When the server could not be asked.
pub async fn tables(session: &Session) -> Result<Vec<String>, Error> {
    let rows = session
        .query(
            "SELECT c.relname::pg_catalog.text FROM pg_catalog.pg_class c \
             WHERE c.relkind IN ('r', 'p') AND pg_catalog.pg_table_is_visible(c.oid) \
             AND c.relnamespace <> 'pg_catalog'::pg_catalog.regnamespace LIMIT 1000",
            &[],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
