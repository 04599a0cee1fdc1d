//! Whether front matter and statement agree on the parameters.

use super::front_matter::Said;
use crate::{
    definition::{parameter::declaration_line, placeholder::Statement},
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    name,
};
use std::{collections::BTreeSet, sync::Arc};

/// Every parameter that one half has and the other has not. Only a statement that `is_sound` shows
/// what is never used.
pub(super) fn check(
    source: &Arc<SourceFile>,
    said: &Said,
    statement: &Statement,
    is_sound: bool,
) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let declared = || said.parameters.iter().map(|it| it.name.as_str());
    let mut meant = BTreeSet::new();
    for (index, used) in statement.parameters.iter().enumerate() {
        let Some(place) = statement.uses.iter().find(|it| it.parameter == index) else { continue };
        let used = used.as_str();
        if declared().any(|name| name == used) {
            continue;
        }
        // A name that the statement uses too is not what a mistyped one meant.
        let free =
            declared().filter(|name| !statement.parameters.iter().any(|it| it.as_str() == *name));
        let declare = format!("declare it under `[parameters]`: `{}`", declaration_line(used));
        let help = match name::nearest(used, free) {
            Some(near) => {
                meant.insert(near);
                format!("did you mean `:{near}`? If not, {declare}")
            }
            None => declare,
        };
        diagnostics.push(
            Diagnostic::error(Code::UndeclaredParameter, format!("`:{used}` is not declared"))
                .at(source, place.file_span.clone())
                .help(help),
        );
    }
    for parameter in &said.parameters {
        let name = parameter.name.as_str();
        let slice =
            statement.slice_names.iter().find(|span| &source.text()[(*span).clone()] == name);
        if let Some(slice) = slice {
            diagnostics.push(
                Diagnostic::error(
                    Code::ForbiddenSql,
                    format!("`{name}` is a parameter, and here it reads as a column"),
                )
                .at(source, slice.start - 1..slice.end)
                .label("this colon belongs to the array slice")
                .help(format!(
                    "write ` : :{name}` for the parameter, ` : {name}` after renaming it for the column"
                )),
            );
            continue;
        }
        if !is_sound || statement.parameters.contains(&parameter.name) || meant.contains(name) {
            continue;
        }
        let (message, span, help) = if parameter.declared {
            (
                format!("the parameter `{name}` is never used"),
                parameter.span.clone(),
                format!("use it in the statement as `:{name}`, or remove it"),
            )
        } else {
            (
                format!("the path names `{{{name}}}`, and the statement never uses it"),
                said.path_span.clone(),
                format!("use it in the statement as `:{name}`, or take it out of the path"),
            )
        };
        diagnostics
            .push(Diagnostic::error(Code::UnusedParameter, message).at(source, span).help(help));
    }
    diagnostics
}
