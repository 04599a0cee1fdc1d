//! From a definition to an endpoint: everything that can be wrong between the two is found here.

use super::{Endpoint, audit, nature, page, repeat};
use crate::{
    config::{Access, Lane},
    definition::{
        file::{self, ResultShape},
        parameter::Typed,
        route::Method,
    },
    diagnostic::{Code, Diagnostic, Diagnostics},
    encode::{self, Layouts},
    name::{Identifier, nearest},
    postgres::{
        describe::{self, Column, Described, Plan, TypeUse},
        session::Session,
        statement::Prepared,
    },
    value::Type,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};
use tokio_postgres::{Error, error::ErrorPosition};

/// The most parameters that a statement can have (the protocol counts them in 16 bits).
const MAX_PARAMETERS: usize = 65_535;

/// Types an endpoint by asking the server. Its statement has no place yet. `volatile` has the names of
/// the database's volatile functions, where they are known.
///
/// # Errors
/// Everything that is wrong with it, at its place in the file; `Ok` carries warnings.
pub async fn prepare(
    session: &Session,
    definition: &Arc<file::Endpoint>,
    lanes: &BTreeMap<Identifier, Lane>,
    volatile: Option<&BTreeSet<String>>,
) -> Result<(Endpoint, Diagnostics), Diagnostics> {
    let mut found = Diagnostics::new();
    let lane = choose_lane(definition, lanes, &mut found);
    let stated = stated_types(session, definition, &mut found).await?;
    if definition.statement.parameters.len() > MAX_PARAMETERS {
        found.push(
            Diagnostic::error(Code::Statement, "a statement has at most 65,535 parameters")
                .in_file(&definition.source),
        );
    }
    let mut described = match describe::describe(session, &definition.statement.sql, &stated).await
    {
        Ok(described) => described,
        Err(error) => {
            found.push(refusal(definition, &error));
            return Err(found);
        }
    };
    let mut parameters = type_parameters(definition, &described, &mut found);
    let columns = type_columns(definition, &described.columns, &mut found);
    check_shape(definition, &described.columns, &mut found);
    let plan = describe::plan(session, &definition.statement.sql, &described.parameters).await;
    let plan = plan.ok().flatten();
    check_writes(definition, plan.as_ref(), lane, &mut found);
    let calls = Prepared { sql: definition.statement.sql.clone(), ..Prepared::default() }.calls();
    repeat::check(session, definition, lane.map(|(_, it)| it), calls, &mut found).await;
    audit::check(session, definition, calls, &mut found).await;
    if plan.as_ref().is_none_or(|plan| plan.extends_with_null) {
        // What the tables say of their columns does not hold for the result's.
        described.columns.iter_mut().for_each(|column| column.nullable = true);
    }
    let (Some(columns), Some((lane, access))) = (columns, lane) else { return Err(found) };
    let columns: Vec<encode::Column> = columns
        .into_iter()
        .zip(&described.columns)
        .map(|((name, ty), column)| {
            let (modifier, nullable) = (column.modifier, column.nullable);
            encode::Column { name, ty, modifier, nullable }
        })
        .collect();
    let reads = access.access == Access::Read;
    let mut statement = Prepared {
        index: 0,
        name: String::new(),
        label: definition.name.clone(),
        sql: definition.statement.sql.clone(),
        parameters: described.parameters.iter().map(|it| it.oid).collect(),
        columns: described.columns.iter().map(|it| it.described.oid).collect(),
        repeatable: reads && volatile.is_some_and(|it| nature::is_repeatable(plan.as_ref(), it)),
        plan: definition.plan,
        batch: None,
    };
    if let Some(plan) = plan.filter(|_| statement.repeatable) {
        statement.batch = nature::batch(session, definition, &described, &plan, &statement).await;
    }
    let mut paging = None;
    if let Some(wish) = &definition.page {
        let known = page::Known { definition, described: &described, stated: &stated };
        let prepared =
            page::prepare(session, &known, wish, &mut statement, &mut parameters, &mut found);
        paging = prepared.await;
    }
    let statement = Arc::new(statement);
    let order = definition.statement.parameters.iter().filter_map(|name| {
        definition.parameters.iter().position(|parameter| parameter.name == *name)
    });
    let endpoint = Endpoint {
        statement,
        order: order.collect(),
        layouts: Layouts::new(definition.result, definition.envelope.as_deref(), &columns),
        columns: described.columns,
        lane: lane.clone(),
        parameters,
        definition: Arc::clone(definition),
        paging,
    };
    found.into_result(Some(endpoint))
}

/// The lane that the file names, or the one of its method.
pub(super) fn choose_lane<'l>(
    definition: &file::Endpoint,
    lanes: &'l BTreeMap<Identifier, Lane>,
    found: &mut Diagnostics,
) -> Option<(&'l Identifier, &'l Lane)> {
    let name = match &definition.lane {
        Some(name) => name.as_str(),
        None if definition.method == Method::Get => "read",
        None => "write",
    };
    let Some(lane) = lanes.get_key_value(name) else {
        let mut diagnostic =
            Diagnostic::error(Code::InvalidValue, format!("there is no lane `{name}`"))
                .in_file(&definition.source);
        diagnostic = match nearest(name, lanes.keys().map(Identifier::as_str)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("add `[lanes.{name}]` to the manifest")),
        };
        found.push(diagnostic);
        return None;
    };
    if lane.1.access == Access::Write && definition.method == Method::Get {
        found.push(
            Diagnostic::error(
                Code::WriteInGet,
                format!("GET cannot run on the write lane `{name}`"),
            )
            .in_file(&definition.source)
            .help("GET must be safe to repeat: use a read lane, or another method"),
        );
    }
    Some(lane)
}

/// The server's type for each parameter whose type the author stated.
async fn stated_types(
    session: &Session,
    definition: &file::Endpoint,
    found: &mut Diagnostics,
) -> Result<Vec<Option<tokio_postgres::types::Type>>, Diagnostics> {
    let mut stated = Vec::new();
    for name in &definition.statement.parameters {
        let parameter = definition.parameters.iter().find(|parameter| parameter.name == *name);
        let Some((parameter, type_name)) =
            parameter.and_then(|it| Some((it, it.type_name.as_deref()?)))
        else {
            stated.push(None);
            continue;
        };
        let ty = describe::named_type(session, type_name)
            .await
            .map_err(|error| lost(definition, &error))?;
        if ty.is_none() {
            found.push(
                Diagnostic::error(
                    Code::ParameterType,
                    format!("the database has no type `{type_name}`, which `{name}` states"),
                )
                .at(&definition.source, parameter.place("type"))
                .help(
                    "use a PostgreSQL type such as `int4`, `text` or `date`, or leave `type` out",
                ),
            );
        }
        stated.push(ty);
    }
    Ok(stated)
}

fn lost(definition: &file::Endpoint, error: &Error) -> Diagnostics {
    Diagnostic::error(Code::Database, format!("the database could not be asked: {error}"))
        .in_file(&definition.source)
        .into()
}

/// The server's refusal with its caret in the endpoint's file.
pub(super) fn refusal(definition: &file::Endpoint, error: &Error) -> Diagnostic {
    let Some(refusal) = error.as_db_error() else {
        return Diagnostic::error(
            Code::Database,
            format!("the database could not be asked: {error}"),
        )
        .in_file(&definition.source);
    };
    let mut diagnostic = Diagnostic::error(Code::Statement, refusal.message())
        .in_file(&definition.source)
        .sqlstate(refusal.code().code());
    if let Some(ErrorPosition::Original(position)) = refusal.position() {
        let span = definition.statement.file_span_of_char(&definition.source, *position);
        diagnostic = diagnostic.at(&definition.source, span);
    }
    if let Some(detail) = refusal.detail() {
        diagnostic = diagnostic.note(detail);
    }
    if let Some(hint) = refusal.hint() {
        return diagnostic.help(hint);
    }
    match refusal.code().code() {
        "42P18" => diagnostic.help("state the parameter's `type`, or cast it: `:name::text`"),
        "42P01" => diagnostic.help("does a migration create it? `howdah migrate` applies them"),
        _ => diagnostic,
    }
}

fn type_parameters(
    definition: &file::Endpoint,
    described: &Described,
    found: &mut Diagnostics,
) -> Vec<Typed> {
    let uses: HashMap<&str, &TypeUse> = definition
        .statement
        .parameters
        .iter()
        .map(Identifier::as_str)
        .zip(&described.parameters)
        .collect();
    let mut typed = Vec::new();
    for parameter in &definition.parameters {
        let Some(described) = uses.get(parameter.name.as_str()) else { continue };
        let Some(ty) = &described.ty else {
            found.push(
                Diagnostic::error(
                    Code::ParameterType,
                    format!(
                        "`{}` has the type {}, which has no form in a request",
                        parameter.name, described.server_name
                    ),
                )
                .at(&definition.source, parameter.place("type"))
                .help(format!("cast it in the statement: `:{}::text`", parameter.name)),
            );
            continue;
        };
        match Typed::new(&definition.source, parameter.clone(), ty.clone()) {
            Ok(parameter) => typed.push(parameter),
            Err(diagnostics) => found.append(diagnostics),
        }
    }
    typed
}

fn type_columns(
    definition: &file::Endpoint,
    columns: &[Column],
    found: &mut Diagnostics,
) -> Option<Vec<(String, Type)>> {
    let mut typed = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let number = index + 1;
        let statement = definition.statement.offset..definition.source.text().len();
        let named = matches!(definition.result, ResultShape::Rows | ResultShape::Row);
        if named && column.name == "?column?" {
            found.push(
                Diagnostic::error(Code::ColumnName, format!("column {number} has no name"))
                    .at(&definition.source, statement.clone())
                    .help("give it one: `… AS name`"),
            );
        } else if named && columns[..index].iter().any(|other| other.name == column.name) {
            found.push(
                Diagnostic::error(
                    Code::ColumnName,
                    format!("two columns have the name `{}`", column.name),
                )
                .at(&definition.source, statement.clone())
                .help("give one of them another: `… AS name`"),
            );
        }
        match &column.described.ty {
            Some(ty) => typed.push((column.name.clone(), ty.clone())),
            None => found.push(
                Diagnostic::error(
                    Code::ColumnType,
                    format!(
                        "column `{}` has the type {}, which has no JSON form here",
                        column.name, column.described.server_name
                    ),
                )
                .at(&definition.source, statement)
                .help(format!("cast it: `{}::text`", column.name)),
            ),
        }
    }
    (typed.len() == columns.len()).then_some(typed)
}

fn check_shape(definition: &file::Endpoint, columns: &[Column], found: &mut Diagnostics) {
    let problem = match (definition.result, columns.len()) {
        (ResultShape::Rows | ResultShape::Row, 0) => {
            "the statement gives no columns; say `result = \"none\"`, or add RETURNING"
        }
        (ResultShape::Value, count) if count != 1 => {
            "`result = \"value\"` wants a statement with exactly one column"
        }
        _ => return,
    };
    let statement = definition.statement.offset..definition.source.text().len();
    found.push(Diagnostic::error(Code::ResultShape, problem).at(&definition.source, statement));
}

/// A statement that can write must not stand behind GET, nor on a read lane.
fn check_writes(
    definition: &file::Endpoint,
    plan: Option<&Plan>,
    lane: Option<(&Identifier, &Lane)>,
    found: &mut Diagnostics,
) {
    let reads_only = lane.is_some_and(|(_, lane)| lane.access == Access::Read);
    if !reads_only || plan.is_none_or(|plan| !plan.writes) {
        return;
    }
    let statement = definition.statement.offset..definition.source.text().len();
    let message = if definition.method == Method::Get {
        "the statement writes or locks rows, and GET must not"
    } else {
        "the statement writes or locks rows, and its lane only reads"
    };
    found.push(
        Diagnostic::error(Code::WriteInGet, message)
            .at(&definition.source, statement)
            .help("use POST, PUT, PATCH or DELETE and a write lane"),
    );
}
