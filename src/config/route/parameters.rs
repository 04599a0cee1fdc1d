//! The parameters of a route without SQL: those declared, and those its tool implies.

use crate::{
    definition::{
        parameter::{Facets, Origin, Parameter, Presence},
        route::{Method, PathTemplate},
    },
    name::Identifier,
    table::Table,
};

/// The parameters of `[route.parameters]`, and the one that `tool` takes when it is not declared.
pub(super) fn read(
    table: &Table<'_, '_>,
    route: Option<&(Method, PathTemplate)>,
    tool: Option<&str>,
) -> Vec<Parameter> {
    let mut parameters = declared(table, route);
    let implied = match tool {
        Some("ping") => Some(("ip", "The IPv4 or IPv6 address to ask", "127.0.0.1")),
        Some("calculate") => Some(("expr", "The expression to calculate", "2 + 2")),
        _ => None,
    };
    if let Some((name, description, example)) = implied
        && !parameters.iter().any(|parameter| parameter.name.as_str() == name)
        && let Ok(identifier) = Identifier::parse(name)
    {
        parameters.push(Parameter {
            name: identifier,
            origin: origin(name, route),
            presence: Presence::Required,
            type_name: Some("text".into()),
            description: Some(description.into()),
            example: Some(example.into()),
            facets: Facets::default(),
            span: table.span(),
        });
    }
    parameters
}

/// Where an argument comes from when nothing says it.
fn origin(name: &str, route: Option<&(Method, PathTemplate)>) -> Origin {
    match route {
        Some((_, path)) if path.parameters().iter().any(|it| it == name) => Origin::Path,
        Some((method, _)) if method.has_body() => Origin::Body,
        _ => Origin::Query,
    }
}

fn declared(table: &Table<'_, '_>, route: Option<&(Method, PathTemplate)>) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    for (name, span, _) in table.table("parameters").iter().flat_map(Table::rest) {
        if let Ok(identifier) = Identifier::parse(&name) {
            parameters.push(Parameter {
                origin: origin(&name, route),
                name: identifier,
                presence: Presence::Required,
                type_name: None,
                description: None,
                example: None,
                facets: Facets::default(),
                span,
            });
        }
    }
    parameters
}
