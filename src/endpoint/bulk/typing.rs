//! From a `copy` to a table: everything that can be wrong between the two is found here.

use super::{Bulk, Sql, sql};
use crate::{
    config::{Access, Lane},
    decode::{Column, Columns},
    definition::file::{
        self,
        copy::{Copy, Name, OnConflict},
    },
    diagnostic::{Code, Diagnostic, Diagnostics},
    endpoint::{audit, repeat, typing},
    name::{Identifier, nearest},
    postgres::{
        describe::load::{self, Target, TargetColumn},
        session::Session,
    },
};
use std::{collections::BTreeMap, ops::Range, sync::Arc};
use tokio_postgres::Error;

/// Types a bulk endpoint by asking the server.
///
/// # Errors
/// Everything that is wrong with it, at its place in the file; `Ok` carries warnings. What the role may
/// not do is one: the service may have more to offer to it than this.
pub async fn prepare(
    session: &Session,
    definition: &Arc<file::Endpoint>,
    copy: &Copy,
    lanes: &BTreeMap<Identifier, Lane>,
) -> Result<(Bulk, Diagnostics), Diagnostics> {
    let mut found = Finder { definition, found: Diagnostics::new() };
    let lane = typing::choose_lane(definition, lanes, &mut found.found);
    if let Some((name, Lane { access: Access::Read, .. })) = lane {
        found.tell(
            Diagnostic::error(Code::WriteInGet, format!("the lane `{name}` only reads"))
                .help("rows are loaded on a write lane; leave `lane` out, or name another"),
            copy.table.span.clone(),
        );
    }
    repeat::check(session, definition, lane.map(|(_, it)| it), false, &mut found.found).await;
    audit::check(session, definition, false, &mut found.found).await;
    let table = match load::target(session, &copy.target()).await {
        Ok(Some(table)) => table,
        Ok(None) => {
            found.no_table(session, copy).await;
            return Err(found.found);
        }
        Err(error) => {
            found.found.push(typing::refusal(definition, &error));
            return Err(found.found);
        }
    };
    if !matches!(table.kind, 'r' | 'p' | 'f') {
        found.tell(
            Diagnostic::error(Code::Statement, format!("`{}` is not a table", copy.table.text))
                .help("rows are loaded into tables; a view has none of its own"),
            copy.table.span.clone(),
        );
        return Err(found.found);
    }
    let columns = found.columns(copy, &table);
    let key = found.key(copy, &table);
    let (Some(columns), Some(key), Some((lane, _)), true) =
        (columns, key, lane, found.found.counts().0 == 0)
    else {
        return Err(found.found);
    };
    let columns = Columns::new(columns);
    let sql = sql::of(copy, &table, &key, columns.form());
    if let Err(error) = try_out(session, &sql).await {
        found.refused(&error, copy);
    }
    let bulk = Bulk {
        definition: Arc::clone(definition),
        copy: copy.clone(),
        columns: Arc::new(columns),
        sql,
        lane: lane.clone(),
    };
    found.found.into_result(Some(bulk))
}

/// Has the server plan what it would run, which checks what the role may do; nothing is left of it.
async fn try_out(session: &Session, sql: &Sql) -> Result<(), Error> {
    let (Some(stage), Some(merge)) = (&sql.stage, &sql.merge) else { return Ok(()) };
    session.batch_execute("BEGIN").await?;
    let tried = session.batch_execute(&format!("{stage}; EXPLAIN {}", merge.sql)).await;
    session.batch_execute("ROLLBACK").await?;
    tried
}

struct Finder<'d> {
    definition: &'d Arc<file::Endpoint>,
    found: Diagnostics,
}

impl Finder<'_> {
    fn tell(&mut self, diagnostic: Diagnostic, span: Range<usize>) {
        self.found.push(diagnostic.at(&self.definition.source, span));
    }

    async fn no_table(&mut self, session: &Session, copy: &Copy) {
        let name = &copy.table.text;
        let known = load::tables(session).await.unwrap_or_default();
        let help = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) if near != name => format!("did you mean `{near}`?"),
            _ => "does a migration create it? `howdah migrate` applies them".to_owned(),
        };
        let diagnostic = Diagnostic::error(Code::Statement, format!("there is no table `{name}`"));
        self.tell(diagnostic.sqlstate("42P01").help(help), copy.table.span.clone());
    }

    /// The columns with their types, when all of them can be loaded.
    fn columns(&mut self, copy: &Copy, table: &Target) -> Option<Vec<Column>> {
        let mut columns = Vec::new();
        for name in &copy.columns {
            let Some(column) = self.column(name, table) else { continue };
            if column.is_generated {
                let text = format!("the database makes the values of `{}` itself", name.text);
                self.tell(
                    Diagnostic::error(Code::Statement, text).help("leave the column out"),
                    name.span.clone(),
                );
                continue;
            }
            if !column.may_insert {
                let text = format!("the role may not insert into `{}`", name.text);
                let help =
                    format!("grant it: GRANT INSERT ({}) ON {} TO …", name.quoted(), copy.target());
                self.tell(
                    Diagnostic::warning(Code::Statement, text).sqlstate("42501").help(help),
                    name.span.clone(),
                );
            }
            let Some(ty) = &column.described.ty else {
                let text = format!(
                    "`{}` has the type {}, which has no form in a request",
                    name.text, column.described.server_name
                );
                self.tell(
                    Diagnostic::error(Code::ColumnType, text)
                        .help("leave the column out, or load into a table with another type"),
                    name.span.clone(),
                );
                continue;
            };
            let (name, nullable) = (name.text.clone(), column.nullable);
            columns.push(Column { name, ty: ty.clone(), nullable });
        }
        (columns.len() == copy.columns.len()).then_some(columns)
    }

    fn column<'t>(&mut self, name: &Name, table: &'t Target) -> Option<&'t TargetColumn> {
        let column = table.columns.iter().find(|column| column.name == name.text);
        if column.is_none() {
            let known = table.columns.iter().map(|column| column.name.as_str());
            let help = match nearest(&name.text, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its columns are {}", known.collect::<Vec<_>>().join(", ")),
            };
            let text = format!("the table has no column `{}`", name.text);
            self.tell(
                Diagnostic::error(Code::Statement, text).sqlstate("42703").help(help),
                name.span.clone(),
            );
        }
        column
    }

    /// The columns of the key by which rows conflict; none where conflicts are refused.
    fn key<'t>(&mut self, copy: &Copy, table: &'t Target) -> Option<Vec<&'t TargetColumn>> {
        if copy.on_conflict == OnConflict::Reject {
            return Some(Vec::new());
        }
        let names: Vec<&str> = if copy.conflict.is_empty() {
            let Some(key) = table.keys.iter().find(|key| key.is_primary) else {
                let text = format!("`{}` has no primary key", copy.table.text);
                self.tell(
                    Diagnostic::error(Code::Statement, text)
                        .help("name a unique key: `conflict = [\"column\"]`, or make one"),
                    copy.conflict_span.clone(),
                );
                return None;
            };
            key.columns.iter().map(String::as_str).collect()
        } else {
            let columns: Vec<_> =
                copy.conflict.iter().map(|name| self.column(name, table)).collect();
            columns.into_iter().collect::<Option<Vec<_>>>()?;
            let names: Vec<&str> = copy.conflict.iter().map(|name| name.text.as_str()).collect();
            let same = |key: &load::Key| {
                key.columns.len() == names.len()
                    && key.columns.iter().all(|it| names.contains(&it.as_str()))
            };
            if !table.keys.iter().any(same) {
                let text = format!("no unique key of `{}` has just these columns", copy.table.text);
                self.tell(
                    Diagnostic::error(Code::Statement, text).sqlstate("42P10").help(
                        "make one: a unique constraint or index that is neither partial nor deferrable",
                    ),
                    copy.conflict_span.clone(),
                );
                return None;
            }
            names
        };
        let loaded = |name: &&str| copy.columns.iter().any(|column| column.text == **name);
        if let Some(missing) = names.iter().find(|name| !loaded(name)) {
            let text = format!("the key's column `{missing}` is not among those that are loaded");
            self.tell(
                Diagnostic::error(Code::Statement, text)
                    .help("rows conflict by the whole key; add the column to `copy`"),
                copy.conflict_span.clone(),
            );
            return None;
        }
        Some(
            names
                .iter()
                .filter_map(|name| table.columns.iter().find(|column| column.name == **name))
                .collect(),
        )
    }

    fn refused(&mut self, error: &Error, copy: &Copy) {
        let Some(refusal) = error.as_db_error() else {
            self.found.push(typing::refusal(self.definition, error));
            return;
        };
        let text = format!("PostgreSQL refuses the load: {}", refusal.message());
        let diagnostic = match refusal.code().code() {
            "42501" => Diagnostic::warning(Code::Statement, text),
            _ => Diagnostic::error(Code::Statement, text),
        };
        let diagnostic = diagnostic.sqlstate(refusal.code().code());
        let diagnostic = diagnostic.help(match (refusal.code().code(), copy.on_conflict) {
            ("42501", OnConflict::Replace) => {
                "the role needs INSERT, SELECT and UPDATE on the columns, and TEMPORARY on the database"
            }
            ("42501", _) => {
                "the role needs INSERT on the columns, SELECT on those of the key, and TEMPORARY on \
                 the database"
            }
            _ => "`howdah check --database` tries what a load would run, and leaves nothing of it",
        });
        self.tell(diagnostic, copy.conflict_span.clone());
    }
}
