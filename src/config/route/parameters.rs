//! The parameters of a route without SQL: those declared, those of its path, and the one that its
//! tool takes.

use crate::{
    definition::{
        parameter::{self, Facets, Origin, Parameter, Presence},
        route::{Method, PathTemplate},
    },
    name::Identifier,
    table::Table,
};

/// The parameters of `[route.parameters]` and of the path, and the one that `tool` takes when it is
/// not declared.
pub(super) fn read(
    table: &Table<'_, '_>,
    method: Method,
    path: &PathTemplate,
    tool: Option<&str>,
) -> Vec<Parameter> {
    let declared = table.take("parameters");
    let mut parameters = match declared.and_then(|item| item.table()) {
        Some(declared) => parameter::read(&declared, path, method),
        None => parameter::implied(path, &table.span()),
    };
    let taken = match tool {
        Some("ping") => ("ip", "The IPv4 or IPv6 address to ask", "127.0.0.1"),
        Some("calculate") => ("expr", "The expression to calculate", "2 + 2"),
        _ => return parameters,
    };
    let (name, description, example) = taken;
    if let Ok(identifier) = Identifier::parse(name)
        && parameters.iter().all(|parameter| parameter.name != identifier)
    {
        parameters.push(Parameter {
            name: identifier,
            origin: if method.has_body() { Origin::Body } else { Origin::Query },
            presence: Presence::Required,
            type_name: Some("text".into()),
            description: Some(description.into()),
            example: Some(example.into()),
            facets: Facets::default(),
            span: table.span(),
            declared: false,
            places: Vec::new(),
        });
    }
    parameters
}
