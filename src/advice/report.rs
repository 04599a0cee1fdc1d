//! From a table that is read as a whole to what an author is told.

use super::{
    condition::Term,
    name::quote,
    scan::{Look, Sort},
    table::{self, Table},
};
use crate::{
    diagnostic::{Code, Diagnostic},
    endpoint::Endpoint,
    postgres::session::Session,
};
use tokio_postgres::Error;

/// What was found about one table in one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    code: Code,
    /// The table's name, without its schema, as the statement writes it.
    relation: String,
    message: String,
    note: Option<String>,
    help: String,
}

impl Finding {
    /// The diagnostic, at the table's first mention in the statement.
    pub(super) fn diagnostic(self, endpoint: &Endpoint) -> Diagnostic {
        let source = &endpoint.definition.source;
        let offset = endpoint.definition.statement.offset.min(source.text().len());
        let statement = source.text().get(offset..).unwrap_or_default();
        let at = mention(statement, &self.relation);
        let span = at.map_or(offset..source.text().len(), |at| {
            offset + at..offset + at + self.relation.len()
        });
        let mut diagnostic =
            Diagnostic::warning(self.code, self.message).at(source, span).help(self.help);
        if let Some(note) = self.note {
            diagnostic = diagnostic.note(note);
        }
        diagnostic
    }
}

/// Where a word stands by itself in a text.
fn mention(text: &str, word: &str) -> Option<usize> {
    let part = |it: char| it.is_alphanumeric() || it == '_';
    text.match_indices(word)
        .map(|(at, _)| at)
        .find(|at| !text[..*at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

/// What there is to say about a look at a table, if anything.
pub(super) async fn judge(
    session: &Session,
    look: &Look,
    table: &Table,
) -> Result<Option<Finding>, Error> {
    let (equal, range) = usable(look, table);
    let selective = look.is_selective(table.rows);
    if selective && (!equal.is_empty() || !range.is_empty()) {
        return Ok(missing_index(look, table, &equal, &range));
    }
    if selective && let Some(finding) = defeated(session, look, table).await? {
        return Ok(Some(finding));
    }
    if look.terms.contains(&Term::Optional) && equal.is_empty() {
        return Ok(Some(finding(
            Code::IndexDefeated,
            look,
            table,
            "a parameter that may be absent stands in an OR, which no index serves",
            "write two endpoints, one with the condition and one without".to_owned(),
        )));
    }
    if !look.joins.is_empty() && look.terms.is_empty() {
        let columns: Vec<String> = distinct(&look.joins);
        if !table.has_index(&columns[..1], &[]) {
            let message = "is joined by columns that have no index";
            let help = create(table, &columns, &[]);
            return Ok(Some(finding(Code::MissingIndex, look, table, message, help)));
        }
    }
    Ok(look.sort.as_ref().and_then(|sort| avoidable_sort(look, table, &equal, sort)))
}

fn finding(code: Code, look: &Look, table: &Table, what: &str, help: String) -> Finding {
    let rows = round(table.rows);
    let mib = (table.bytes / f64::from(1 << 20)).max(0.1);
    let note = table.unseen.then(|| {
        format!("{} was never analysed, so all of this is a guess: run ANALYZE", table.name)
    });
    Finding {
        code,
        relation: look.relation.clone(),
        message: format!("`{}` ({rows} rows, {mib:.1} MiB): {what}", look.relation),
        note,
        help,
    }
}

/// Two digits of a number: nobody needs more of an estimate.
fn round(rows: f64) -> String {
    let mut unit = 1.0;
    while rows / unit >= 100.0 {
        unit *= 10.0;
    }
    format!("about {:.0}", (rows / unit).round() * unit)
}

fn distinct(columns: &[String]) -> Vec<String> {
    let mut seen = Vec::new();
    for column in columns {
        if !seen.contains(column) {
            seen.push(column.clone());
        }
    }
    seen
}

/// The columns that an index could serve: those compared for equality, and those of ranges.
fn usable(look: &Look, table: &Table) -> (Vec<String>, Vec<String>) {
    let (mut equal, mut range) = (Vec::new(), Vec::new());
    for term in &look.terms {
        match term {
            Term::Equal(column) => equal.push(column.clone()),
            Term::Range(column) => range.push(column.clone()),
            // PostgreSQL writes a cast where a varchar is compared as text; they are the same bytes.
            Term::Cast { column, to, equal: is_equal }
                if to == "text" && type_of(table, column) == "varchar" =>
            {
                if *is_equal {
                    equal.push(column.clone());
                } else {
                    range.push(column.clone());
                }
            }
            _ => {}
        }
    }
    let equal = distinct(&equal);
    let mut range = distinct(&range);
    range.retain(|column| !equal.contains(column));
    (equal, range)
}

fn type_of<'t>(table: &'t Table, column: &str) -> &'t str {
    table.columns.get(column).map_or("", String::as_str)
}

fn missing_index(
    look: &Look,
    table: &Table,
    equal: &[String],
    range: &[String],
) -> Option<Finding> {
    // Behind a range, order means nothing to an index: one range is all that it serves.
    let then: Vec<String> = range.iter().take(1).cloned().collect();
    if table.has_index(equal, &then) {
        return None;
    }
    let mut columns: Vec<(String, String)> =
        equal.iter().chain(&then).map(|it| (it.clone(), String::new())).collect();
    if then.is_empty()
        && let Some(sort) = &look.sort
        && sort.limited
    {
        // The rows come in order, and the first ones are enough.
        columns.extend(sort.keys.iter().filter(|it| !equal.contains(&it.0)).cloned());
    }
    let what = format!(
        "is read as a whole for {} of its rows",
        if look.rows < 1.5 { "one".to_owned() } else { round(look.rows) }
    );
    Some(finding(Code::MissingIndex, look, table, &what, create_ordered(table, &columns)))
}

fn avoidable_sort(look: &Look, table: &Table, equal: &[String], sort: &Sort) -> Option<Finding> {
    if !(sort.limited || sort.spills) || sort.keys.is_empty() {
        return None;
    }
    let keys: Vec<String> = sort.keys.iter().map(|it| it.0.clone()).collect();
    if table.has_index(equal, &keys) {
        return None;
    }
    let mut columns: Vec<(String, String)> =
        equal.iter().map(|it| (it.clone(), String::new())).collect();
    columns.extend(sort.keys.iter().filter(|it| !equal.contains(&it.0)).cloned());
    let mib = sort.bytes / f64::from(1 << 20);
    let what = if sort.limited {
        "is read and sorted as a whole for its first rows".to_owned()
    } else {
        format!("is sorted, which takes about {mib:.0} MiB and goes by way of files")
    };
    let help = create_ordered(table, &columns);
    Some(finding(Code::AvoidableSort, look, table, &what, help))
}

/// What keeps an index over the column from being used.
async fn defeated(session: &Session, look: &Look, table: &Table) -> Result<Option<Finding>, Error> {
    for term in &look.terms {
        let told = match term {
            Term::Cast { column, to, .. } => {
                let known = type_of(table, column);
                Some((
                    format!(
                        "its column `{column}` is {known} and is compared as {to}, so that no index \
                         over it is used"
                    ),
                    format!(
                        "give the parameter the column's type: `type = \"{known}\"`, or cast it to {known}"
                    ),
                ))
            }
            Term::Call { function, column, .. } => {
                let what = format!(
                    "its column `{column}` goes through {function}() before it is compared"
                );
                let expression = format!("{}({})", quote(function), quote(column));
                let help = if table::is_immutable(session, function).await? {
                    format!("CREATE INDEX ON {} ({expression})", table.name)
                } else {
                    format!(
                        "compare `{column}` itself: {function}() does not give the same at all times, so no index can hold it"
                    )
                };
                Some((what, help))
            }
            Term::Like { column, prefix, any_case } => {
                Some(pattern(session, table, column, prefix.as_deref(), *any_case).await?)
            }
            _ => None,
        };
        if let Some((what, help)) = told {
            return Ok(match term {
                // An index that is there already says all that there is to say.
                Term::Like { column, .. } if has_pattern_index(session, table, column).await? => {
                    None
                }
                _ => Some(finding(Code::IndexDefeated, look, table, &what, help)),
            });
        }
    }
    Ok(None)
}

async fn pattern(
    session: &Session,
    table: &Table,
    column: &str,
    prefix: Option<&str>,
    any_case: bool,
) -> Result<(String, String), Error> {
    let (name, quoted) = (&table.name, quote(column));
    if let Some(prefix) = prefix
        && !prefix.is_empty()
        && !any_case
    {
        return Ok((
            format!(
                "its column `{column}` is searched by how it begins, which an index in the \
                     database's collation does not serve"
            ),
            format!("CREATE INDEX ON {name} ({quoted} text_pattern_ops)"),
        ));
    }
    let what =
        format!("its column `{column}` is searched by a pattern that may begin with a wildcard");
    let help = if table::has_extension(session, "pg_trgm").await? {
        format!(
            "CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE INDEX ON {name} USING gin ({quoted} gin_trgm_ops)"
        )
    } else {
        "search by how it begins, or install the extension pg_trgm on the server".to_owned()
    };
    Ok((what, help))
}

/// Whether an index is there that patterns could use.
async fn has_pattern_index(session: &Session, table: &Table, column: &str) -> Result<bool, Error> {
    let rows = session
        .query(
            "SELECT 1 FROM pg_catalog.pg_index AS i \
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
             JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[0] \
             WHERE i.indrelid = $1::pg_catalog.text::pg_catalog.regclass AND i.indisvalid \
               AND a.attname = $2 \
               AND o.opcname IN ('gin_trgm_ops', 'gist_trgm_ops', 'text_pattern_ops', 'varchar_pattern_ops')",
            &[&table.name, &column],
        )
        .await?;
    Ok(!rows.is_empty())
}

fn create(table: &Table, columns: &[String], more: &[(String, String)]) -> String {
    let mut all: Vec<(String, String)> =
        columns.iter().map(|it| (it.clone(), String::new())).collect();
    all.extend_from_slice(more);
    create_ordered(table, &all)
}

fn create_ordered(table: &Table, columns: &[(String, String)]) -> String {
    let list: Vec<String> = columns.iter().map(|(column, order)| quote(column) + order).collect();
    format!("CREATE INDEX ON {} ({})", table.name, list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_found_as_a_word() {
        assert_eq!(mention("SELECT prices_day FROM prices AS p", "prices"), Some(23));
        assert_eq!(mention("SELECT 1", "prices"), None);
    }

    #[test]
    fn estimates_are_round() {
        assert_eq!(round(50_432.0), "about 50000");
        assert_eq!(round(1_234_567.0), "about 1200000");
        assert_eq!(round(7.0), "about 7");
    }
}
