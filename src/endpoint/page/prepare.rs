//! From `page` in the front matter to the statements of pages.

use super::{CURSOR, LIMIT, Paging, sql};
use crate::{
    definition::{
        file::{
            self,
            copy::quoted,
            page::{Key, Page},
        },
        parameter::{Facets, Origin, Parameter, Presence, Typed},
    },
    diagnostic::{Code, Diagnostic, Diagnostics},
    name::{Identifier, nearest},
    postgres::{
        describe::{self, Column, Described},
        session::Session,
        statement::Prepared,
    },
    value::Type,
};
use std::{fmt::Write as _, sync::Arc};
use tokio_postgres::types::Type as ServerType;

/// What is known of the endpoint so far.
pub(in crate::endpoint) struct Known<'k> {
    pub(in crate::endpoint) definition: &'k file::Endpoint,
    pub(in crate::endpoint) described: &'k Described,
    /// The types that the author states for the statement's parameters.
    pub(in crate::endpoint) stated: &'k [Option<ServerType>],
}

/// Makes the endpoint's statement that of its first page, and adds what paging takes to its
/// parameters. `None` when something is wrong, which is told.
pub(in crate::endpoint) async fn prepare(
    session: &Session,
    known: &Known<'_>,
    page: &Page,
    statement: &mut Prepared,
    parameters: &mut Vec<Typed>,
    found: &mut Diagnostics,
) -> Option<Paging> {
    let Known { definition, described, .. } = known;
    let columns = find(definition, page, &described.columns, found)?;
    let key = |(key, at): (&Key, &usize)| {
        let column = &described.columns[*at];
        sql::Key {
            column: quoted(&key.column),
            type_name: column.described.server_name.clone(),
            descending: key.descending,
            nullable: column.nullable,
        }
    };
    let keys: Vec<sql::Key> = page.by.iter().zip(&columns).map(key).collect();
    let own = described.parameters.len();
    let first = wrapped(session, known, sql::first(&statement.sql, own, &keys), found).await?;
    let after = wrapped(session, known, sql::after(&statement.sql, own, &keys), found).await?;
    let after = Prepared {
        label: format!("{} (further pages)", statement.label),
        sql: after.0,
        parameters: after.1,
        ..statement.clone()
    };
    (statement.sql, statement.parameters) = first;
    let advice = judge(session, definition, page, &columns, &described.columns).await;
    found.append(advice);
    let limit = parameters.len();
    for (parameter, ty) in [(self::limit(page)?, Type::Int4), (cursor(page)?, Type::Text)] {
        match Typed::new(&definition.source, parameter, ty) {
            Ok(typed) => parameters.push(typed),
            Err(diagnostics) => found.append(diagnostics),
        }
    }
    Some(Paging {
        after: Arc::new(after),
        keys: columns.into(),
        endpoint: named(definition, &keys),
        limit,
        cursor: limit + 1,
    })
}

/// The columns of the result that the keys name.
fn find(
    definition: &file::Endpoint,
    page: &Page,
    columns: &[Column],
    found: &mut Diagnostics,
) -> Option<Vec<usize>> {
    let mut places = Vec::new();
    for key in &page.by {
        if let Some(at) = columns.iter().position(|column| column.name == key.column) {
            places.push(at);
            continue;
        }
        let message = format!("the result has no column `{}` to order pages by", key.column);
        let help = match nearest(&key.column, columns.iter().map(|it| it.name.as_str())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a key is a column that the statement gives".to_owned(),
        };
        let diagnostic = Diagnostic::error(Code::Page, message);
        found.push(diagnostic.at(&definition.source, key.span.clone()).help(help));
    }
    (places.len() == page.by.len()).then_some(places)
}

/// The SQL of a page and the types of its parameters, when the server takes it and it gives what the
/// author's own statement gives.
async fn wrapped(
    session: &Session,
    known: &Known<'_>,
    sql: String,
    found: &mut Diagnostics,
) -> Option<(String, Vec<u32>)> {
    let Known { definition, described, stated, .. } = known;
    let span = || definition.page.as_ref().map_or(0..0, |page| page.span.clone());
    let refuse = |diagnostic: Diagnostic| diagnostic.at(&definition.source, span());
    let given = match describe::describe(session, &sql, stated).await {
        Ok(given) => given,
        Err(error) => {
            let why =
                error.as_db_error().map_or_else(|| error.to_string(), |it| it.message().into());
            let message = format!("the rows cannot be given page by page: {why}");
            let mut diagnostic = Diagnostic::error(Code::Page, message);
            if let Some(refusal) = error.as_db_error() {
                diagnostic = diagnostic.sqlstate(refusal.code().code());
            }
            let help = "the statement must be a query that can stand in parentheses after FROM, and \
                        each key of a type that has an order";
            found.push(refuse(diagnostic.help(help)));
            return None;
        }
    };
    let types = |it: &Described| -> Vec<u32> {
        it.columns.iter().map(|column| column.described.oid).collect()
    };
    let parameters: Vec<u32> = given.parameters.iter().map(|it| it.oid).collect();
    let own = described.parameters.iter().map(|it| it.oid);
    if types(&given) != types(described)
        || !own.eq(parameters.iter().copied().take(described.parameters.len()))
    {
        let message = "the statement gives other types when it stands in parentheses after FROM";
        let help = "cast its columns and parameters: `:name::text`";
        found.push(refuse(Diagnostic::error(Code::Page, message)).help(help));
        return None;
    }
    Some((sql, parameters))
}

/// Warnings about keys that two rows may share, and about keys that no index can find.
async fn judge(
    session: &Session,
    definition: &file::Endpoint,
    page: &Page,
    keys: &[usize],
    columns: &[Column],
) -> Diagnostics {
    let mut found = Diagnostics::new();
    let keys: Vec<&Column> = keys.iter().filter_map(|at| columns.get(*at)).collect();
    for (column, key) in keys.iter().zip(&page.by).filter(|(column, _)| column.nullable) {
        let message = format!("`{}` may be NULL, as far as can be told", column.name);
        found.push(
            Diagnostic::warning(Code::Page, message)
                .at(&definition.source, key.span.clone())
                .help(
                    "pages are right all the same, NULL after all other values (before them with \
                     `-`), but no index finds where a page begins: order by a column of a table that \
                     is NOT NULL",
                ),
        );
    }
    let certain: Vec<(u32, i16)> =
        keys.iter().filter(|it| !it.nullable).filter_map(|it| it.origin).collect();
    let unique = page.unique || describe::has_unique_index(session, &certain).await.unwrap_or(true);
    if !unique {
        let names: Vec<_> = page.by.iter().map(|key| format!("`{}`", key.column)).collect();
        let message =
            format!("nothing says that no two rows have the same {}", names.join(" and "));
        found.push(
            Diagnostic::warning(Code::Page, message)
                .at(&definition.source, page.span.clone())
                .help(
                    "a page that ends between two such rows fails; add the columns of a unique index, \
                     the primary key's for instance, or say `unique = true` where the statement sees \
                     to it, by GROUP BY for instance",
                ),
        );
    }
    found
}

/// What a cursor is for, beside the arguments.
fn named(definition: &file::Endpoint, keys: &[sql::Key]) -> Vec<u8> {
    let mut name = format!("page 1\n{} {}\n", definition.method.as_str(), definition.path.as_str());
    for key in keys {
        // Writing into a String does not fail.
        let _ = writeln!(
            name,
            "{}{} {}",
            ["", "-"][usize::from(key.descending)],
            key.column,
            key.type_name
        );
    }
    name.into_bytes()
}

fn limit(page: &Page) -> Option<Parameter> {
    let facets = Facets {
        minimum: Some(1.into()),
        maximum: Some(page.max_size.into()),
        ..Facets::default()
    };
    let presence = Presence::Default(page.size.into());
    argument(page, LIMIT, presence, "How many rows the page has at most.", facets)
}

fn cursor(page: &Page) -> Option<Parameter> {
    let description = "Where the page begins, as the `Link` field of the page before says it.";
    argument(page, CURSOR, Presence::Optional, description, Facets::default())
}

fn argument(
    page: &Page,
    name: &str,
    presence: Presence,
    description: &str,
    facets: Facets,
) -> Option<Parameter> {
    Some(Parameter {
        name: Identifier::parse(name).ok()?,
        origin: Origin::Query,
        presence,
        type_name: None,
        description: Some(description.to_owned()),
        example: None,
        facets,
        span: page.span.clone(),
        declared: false,
        places: Vec::new(),
    })
}
