//! Reading a `[parameters]` table.

use super::{Facets, Origin, Parameter, Presence, facet};
use crate::{
    definition::route::{Method, PathTemplate},
    diagnostic::{Code, Diagnostic},
    name::Identifier,
    table::{Item, Table},
};
use std::ops::Range;

/// The keys of a declaration, as [`Parameter::places`] knows them.
const KEYS: [&str; 12] = [
    "type",
    "required",
    "default",
    "description",
    "example",
    "from",
    "minimum",
    "maximum",
    "min_length",
    "max_length",
    "pattern",
    "enum",
];

/// The parameters that a `[parameters]` table declares, in its order, then those that `path`
/// implies and the table does not declare. What is wrong is reported through `table`.
pub fn read(table: &Table<'_, '_>, path: &PathTemplate, method: Method) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    for (name, key_span, item) in table.rest() {
        let key_start = (item.file_span().start + key_span.start).saturating_sub(item.span().start);
        match Identifier::parse(&name) {
            Ok(name) => {
                let span = key_start..item.file_span().end.max(key_start);
                parameters.push(declaration(name, span, &item, path, method));
            }
            Err(why) => table.report(
                Diagnostic::error(Code::InvalidValue, format!("the parameter name `{name}` {why}"))
                    .help("a name is a letter or underscore, then letters (a to z), digits, underscores"),
                key_span,
            ),
        }
    }
    let known: Vec<_> = parameters.iter().map(|it| it.name.clone()).collect();
    parameters
        .extend(implied(path, &table.span()).into_iter().filter(|it| !known.contains(&it.name)));
    parameters
}

/// The parameters that `path` implies by its segments: required, their types left to PostgreSQL.
/// `span` is where the path stands in the file.
pub fn implied(path: &PathTemplate, span: &Range<usize>) -> Vec<Parameter> {
    let names = path.parameters().iter().filter_map(|name| Identifier::parse(name).ok());
    names.map(|name| bare(name, Origin::Path, span.clone(), false)).collect()
}

/// A required parameter of which nothing else is said.
fn bare(name: Identifier, origin: Origin, span: Range<usize>, declared: bool) -> Parameter {
    Parameter {
        name,
        origin,
        presence: Presence::Required,
        type_name: None,
        description: None,
        example: None,
        facets: Facets::default(),
        span,
        declared,
        places: Vec::new(),
    }
}

fn declaration(
    name: Identifier,
    span: Range<usize>,
    item: &Item<'_, '_>,
    path: &PathTemplate,
    method: Method,
) -> Parameter {
    let Some(table) = item.is_table().then(|| item.table()).flatten() else {
        let help = format!("write `{name} = {{ type = \"…\" }}`");
        item.refuse(Code::WrongType, "takes a table", Some(&help));
        return bare(name, Origin::Query, span, true);
    };
    let places = KEYS.iter().filter_map(|key| Some((*key, table.take(key)?.file_span()))).collect();
    let origin = origin(&table, &name, path, method);
    let presence = presence(&table, &origin);
    let parameter = Parameter {
        origin,
        presence,
        type_name: table.take("type").and_then(|item| type_name(&item)),
        description: table.take("description").and_then(|item| item.string()),
        example: table.take("example").and_then(|item| item.json()),
        facets: facet::read(&table),
        name,
        span,
        declared: true,
        places,
    };
    table.finish();
    parameter
}

fn type_name(item: &Item<'_, '_>) -> Option<String> {
    let name = item.string()?;
    if name.trim().is_empty() {
        item.refuse(
            Code::InvalidValue,
            "is empty",
            Some("name a PostgreSQL type, such as \"date\", or leave `type` out"),
        );
        return None;
    }
    Some(name.trim().to_owned())
}

fn presence(table: &Table<'_, '_>, origin: &Origin) -> Presence {
    let required = table.take("required").and_then(|item| Some((item.boolean()?, item)));
    let default = table.take("default").and_then(|item| Some((item.json()?, item)));
    if *origin == Origin::Path {
        let optional = required.iter().filter(|it| !it.0).map(|it| &it.1);
        for item in optional.chain(default.iter().map(|it| &it.1)) {
            let help =
                "a path without the segment is another path; take the parameter from the query";
            item.refuse(
                Code::Conflict,
                "is for a segment of the path, which is never left out",
                Some(help),
            );
        }
        return Presence::Required;
    }
    match (required, default) {
        (Some((true, required)), Some(_)) => {
            required.refuse(
                Code::Conflict,
                "is true although there is a `default`",
                Some("leave out one of the two"),
            );
            Presence::Required
        }
        (_, Some((value, _))) => Presence::Default(value),
        (Some((false, _)), None) => Presence::Optional,
        _ => Presence::Required,
    }
}

fn origin(table: &Table<'_, '_>, name: &Identifier, path: &PathTemplate, method: Method) -> Origin {
    let in_path = path.parameters().iter().any(|known| known == name.as_str());
    let usual = match (in_path, method.has_body()) {
        (true, _) => Origin::Path,
        (false, true) => Origin::Body,
        (false, false) => Origin::Query,
    };
    let Some(item) = table.take("from") else { return usual };
    let Some(written) = item.string() else { return usual };
    match stated(&written) {
        Err((why, help)) => item.refuse(Code::InvalidValue, &why, Some(&help)),
        Ok(Origin::Path) if !in_path => {
            let why = format!("is \"path\", and the path {} has no `{{{name}}}`", path.as_str());
            item.refuse(
                Code::Conflict,
                &why,
                Some("write the segment into the path, or leave `from` out"),
            );
        }
        Ok(origin) if in_path && origin != Origin::Path => {
            let why = format!("is \"{written}\", and the path has `{{{name}}}`");
            item.refuse(Code::Conflict, &why, Some("leave `from` out, or rename one of the two"));
        }
        Ok(Origin::Body) if !method.has_body() => {
            let why = format!("is \"body\", and {} has none", method.as_str());
            item.refuse(Code::Conflict, &why, Some("use \"query\", or one of post, put and patch"));
        }
        Ok(origin) => return origin,
    }
    usual
}

/// What `from` states, or what is wrong with it and what helps.
fn stated(written: &str) -> Result<Origin, (String, String)> {
    const FORMS: &str =
        "it is one of \"path\", \"query\", \"body\", \"header:X-Name\", \"claim:sub\"";
    match (written, written.split_once(':')) {
        ("path", _) => Ok(Origin::Path),
        ("query", _) => Ok(Origin::Query),
        ("body", _) => Ok(Origin::Body),
        (_, Some(("header", name))) => match http::HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => Ok(Origin::Header(name.as_str().to_owned())),
            Err(_) => {
                Err((format!("has `{name}`, which is no name of a header field"), FORMS.to_owned()))
            }
        },
        (_, Some(("claim", name))) if !name.is_empty() && !name.contains(char::is_whitespace) => {
            Ok(Origin::Claim(name.to_owned()))
        }
        ("header" | "claim", None) => {
            Err((format!("is \"{written}\" without a name"), FORMS.to_owned()))
        }
        _ => {
            let near =
                crate::name::nearest(written, ["path", "query", "body", "header:", "claim:"]);
            let help = near.map_or(FORMS.to_owned(), |near| format!("did you mean \"{near}\"?"));
            Err((format!("is \"{written}\", which is no place in a request"), help))
        }
    }
}

/// The TOML line that would declare the parameter `name`.
pub(in crate::definition) fn declaration_line(name: &str) -> String {
    format!("{name} = {{ description = \"…\" }}")
}
