//! Whether a statement gives the same each time it is asked, as far as its plan tells.

use super::TypeUse;
use crate::postgres::session::Session;
use serde_json::Value;
use std::collections::BTreeSet;
use tokio_postgres::Error;

/// The functions that a plan's expressions call: the last word of each name before a parenthesis, their
/// operators, and the types that they cast to, for which functions stand too.
/// Words that are none of them (`IN`, `VALUES`) are among them; none of those is a volatile function.
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

/// Whether it may be part of a name that is not quoted.
fn is_of_word(it: char) -> bool {
    it.is_alphanumeric() || it == '_' || it == '$'
}

/// The names before parentheses, operators, and names after `::`. What stands in a string is read too: a
/// name too many is no harm.
fn called(text: &str, found: &mut BTreeSet<String>) {
    let operators = text.split(|it| !"+-*/<>=~!@#%^&|`?".contains(it));
    found.extend(operators.filter(|it| !it.is_empty()).map(str::to_owned));
    found.extend(text.split("::").skip(1).map(last_name));
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
            before.rsplit(|it| !is_of_word(it)).next().unwrap_or_default().to_owned()
        };
        if !name.is_empty() {
            found.insert(name);
        }
    }
}

/// The last part of the name that `text` begins with: `Odd` of `"my schema"."Odd"`.
fn last_name(text: &str) -> String {
    let (mut start, mut end, mut quoted) = (0, text.len(), false);
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '.' if !quoted => start = at + 1,
            other if !quoted && !is_of_word(other) => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    text[start.min(end)..end].trim_matches('"').replace("\"\"", "\"")
}

/// The names of all functions of the database that may give something else each time, or do something,
/// with those of the operators and of the types cast to that stand for one.
///
/// # Errors
/// When the server could not be asked.
pub async fn volatile_functions(session: &Session) -> Result<BTreeSet<String>, Error> {
    let names = "WITH p AS (SELECT oid, proname FROM pg_catalog.pg_proc WHERE provolatile = 'v') \
                 SELECT proname::pg_catalog.text FROM p \
                 UNION SELECT oprname::pg_catalog.text FROM pg_catalog.pg_operator AS o \
                   JOIN p ON p.oid = o.oprcode \
                 UNION SELECT typname::pg_catalog.text FROM pg_catalog.pg_cast AS c \
                   JOIN p ON p.oid = c.castfunc JOIN pg_catalog.pg_type AS t ON t.oid = c.casttarget";
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
        let names = ["a \"b\"", "length", "nextval", "random"];
        assert!(names.iter().all(|it| found.contains(*it)), "{found:?}");
    }

    #[test]
    fn operators_and_casts_are_found() {
        let mut found = BTreeSet::new();
        called("((p.a ### $1) AND (b)::\"my schema\".\"Odd\" <> $2::size[])", &mut found);
        let names = ["###", "Odd", "size"];
        assert!(names.iter().all(|it| found.contains(*it)), "{found:?}");
    }
}
