//! Whether a statement gives the same each time it is asked, as far as its plan tells.

use super::TypeUse;
use crate::postgres::session::Session;
use serde_json::Value;
use std::collections::BTreeSet;
use tokio_postgres::Error;

/// The functions that a plan's expressions call: the last word of each name before a parenthesis.
/// Words that are no functions (`IN`, `VALUES`) are among them; none of them is a volatile function.
pub(super) fn functions(plan: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(plan, &mut found);
    found
}

fn collect(plan: &Value, found: &mut BTreeSet<String>) {
    match plan {
        Value::String(text) => called(text, found),
        Value::Array(items) => items.iter().for_each(|it| collect(it, found)),
        Value::Object(members) => members.values().for_each(|it| collect(it, found)),
        _ => {}
    }
}

/// The names before parentheses. What stands in a string is read too: a name too many is no harm.
fn called(text: &str, found: &mut BTreeSet<String>) {
    for (at, _) in text.match_indices('(') {
        let before = &text[..at];
        let name = if let Some(quoted) = before.strip_suffix('"') {
            // `""` is a quote within the name.
            let mut start = quoted.len();
            let bytes = quoted.as_bytes();
            while start > 0 {
                if bytes[start - 1] != b'"' {
                    start -= 1;
                } else if start > 1 && bytes[start - 2] == b'"' {
                    start -= 2;
                } else {
                    break;
                }
            }
            quoted[start..].replace("\"\"", "\"")
        } else {
            let word = |it: char| it.is_alphanumeric() || it == '_' || it == '$';
            before.rsplit(|it| !word(it)).next().unwrap_or_default().to_owned()
        };
        if !name.is_empty() {
            found.insert(name);
        }
    }
}

/// The names of all functions of the database that may give something else each time, or do something.
///
/// # Errors
/// When the server could not be asked.
pub async fn volatile_functions(session: &Session) -> Result<BTreeSet<String>, Error> {
    let names = "SELECT DISTINCT proname::pg_catalog.text FROM pg_catalog.pg_proc \
                 WHERE provolatile = 'v'";
    Ok(session.query(names, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// The types of arrays of these types. `None` when one has none, or is itself made of others: an
/// array of arrays or of composites comes apart differently.
///
/// # Errors
/// When the server could not be asked.
pub async fn array_types(session: &Session, types: &[TypeUse]) -> Result<Option<Vec<u32>>, Error> {
    let oids: Vec<u32> = types.iter().map(|it| it.oid).collect();
    let arrays = "SELECT t.typarray FROM unnest($1::pg_catalog.oid[]) WITH ORDINALITY AS o (oid, n) \
                  JOIN pg_catalog.pg_type t USING (oid) \
                  WHERE t.typarray <> 0 AND t.typtype IN ('b', 'e') AND t.typcategory <> 'A' \
                  AND t.typdelim = ',' ORDER BY o.n";
    let rows = session.query(arrays, &[&oids]).await?;
    Ok((rows.len() == oids.len()).then(|| rows.iter().map(|row| row.get(0)).collect()))
}

#[cfg(test)]
mod tests {
    use super::called;
    use std::collections::BTreeSet;

    #[test]
    fn names_before_parentheses_are_found() {
        let mut found = BTreeSet::new();
        called(
            "((random() * '2'::double precision) > \"my schema\".\"a \"\"b\"\"\"(x))",
            &mut found,
        );
        called("other.nextval('s'::regclass), length((code)::text)", &mut found);
        let found: Vec<_> = found.iter().map(String::as_str).collect();
        assert_eq!(found, ["a \"b\"", "length", "nextval", "random"]);
    }
}
