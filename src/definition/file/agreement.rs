//! Whether front matter and statement agree on the parameters.

use super::front_matter::Said;
use crate::{
    definition::{parameter::declaration_line, placeholder::Statement},
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    name::{self, Identifier},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

/// The most names that one half has and the other has not that are told, of each half.
const MOST_SHOWN: usize = 50;

/// Every parameter that one half has and the other has not. Only a statement that `is_sound` shows
/// what is never used.
pub(super) fn check(
    source: &Arc<SourceFile>,
    said: &Said,
    statement: &Statement,
    is_sound: bool,
) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let meant = undeclared(source, said, statement, &mut diagnostics);
    let used: BTreeSet<_> = statement.parameters.iter().map(Identifier::as_str).collect();
    let slices = statement.slice_names.iter().map(|span| (&source.text()[span.clone()], span));
    let slices: BTreeMap<&str, &Range<usize>> = slices.collect();
    let mut shown = 0;
    for parameter in &said.parameters {
        let name = parameter.name.as_str();
        let diagnostic = if let Some(slice) = slices.get(name) {
            Diagnostic::error(
                Code::ForbiddenSql,
                format!("`{name}` is a parameter, and here it reads as a column"),
            )
            .at(source, slice.start - 1..slice.end)
            .label("this colon belongs to the array slice")
            .help(format!(
                "write ` : :{name}` for the parameter; for the column, rename the parameter"
            ))
        } else if !is_sound || used.contains(name) || meant.contains(name) {
            continue;
        } else if parameter.declared {
            Diagnostic::error(
                Code::UnusedParameter,
                format!("the parameter `{name}` is never used"),
            )
            .at(source, parameter.span.clone())
            .help(format!("use it in the statement as `:{name}`, or remove it"))
        } else {
            Diagnostic::error(
                Code::UnusedParameter,
                format!("the path names `{{{name}}}`, and the statement never uses it"),
            )
            .at(source, said.path_span.clone())
            .help(format!("use it in the statement as `:{name}`, or take it out of the path"))
        };
        diagnostics.push(diagnostic);
        shown += 1;
        if shown == MOST_SHOWN {
            break;
        }
    }
    diagnostics
}

/// Tells what is used and not declared, where it is used first; gives the declared names that were
/// probably meant.
fn undeclared<'s>(
    source: &Arc<SourceFile>,
    said: &'s Said,
    statement: &'s Statement,
    diagnostics: &mut Diagnostics,
) -> BTreeSet<&'s str> {
    let declared: BTreeSet<_> = said.parameters.iter().map(|it| it.name.as_str()).collect();
    let used: BTreeSet<_> = statement.parameters.iter().map(Identifier::as_str).collect();
    let mut seen = BTreeSet::new();
    let mut meant = BTreeSet::new();
    for place in &statement.uses {
        let name = statement.parameters[place.parameter].as_str();
        if declared.contains(name) || !seen.insert(name) {
            continue;
        }
        if seen.len() > MOST_SHOWN {
            break;
        }
        // A name that the statement uses too is not what a mistyped one meant.
        let free = declared.difference(&used).copied();
        let declare = format!("declare it under `[parameters]`: `{}`", declaration_line(name));
        let help = match name::nearest(name, free) {
            Some(near) => {
                meant.insert(near);
                format!("did you mean `:{near}`? If not, {declare}")
            }
            None => declare,
        };
        diagnostics.push(
            Diagnostic::error(Code::UndeclaredParameter, format!("`:{name}` is not declared"))
                .at(source, place.file_span.clone())
                .help(help),
        );
    }
    meant
}
