//! A parameter whose PostgreSQL type is known: what accepts or refuses each argument.
//!
//! For an array the facets hold for each element, at any depth; NULL elements are in no facet's
//! way, as NULL is in no CHECK constraint's.

mod rules;
#[cfg(test)]
mod tests;

use super::{Parameter, Presence};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    value::{
        Argument, Type,
        argument::{from_json, from_text},
    },
};
use rules::Rules;
use serde_json::{Value, value::RawValue};
use std::sync::Arc;

/// A parameter with the type that PostgreSQL gave it.
#[derive(Clone, Debug)]
pub struct Typed {
    /// What was declared.
    pub parameter: Parameter,
    /// The type.
    pub ty: Type,
    /// What stands in for an argument that is left out: the default as it goes to PostgreSQL, NULL
    /// for an optional parameter, nothing for a required one.
    pub default: Option<Argument>,
    rules: Rules,
}

impl Typed {
    /// Gives `parameter` its type. `source` is the file it is declared in.
    ///
    /// # Errors
    /// Each facet that does not fit the type, and a default or example that the parameter itself
    /// would refuse.
    pub fn new(
        source: &Arc<SourceFile>,
        parameter: Parameter,
        ty: Type,
    ) -> Result<Self, Diagnostics> {
        let (rules, mut diagnostics) = Rules::of(source, &parameter, &ty);
        let mut typed = Self { parameter, ty, default: None, rules };
        if diagnostics.is_empty() {
            if let Some(example) = &typed.parameter.example {
                let _ = typed.check("example", example, source, &mut diagnostics);
            }
            typed.default = match &typed.parameter.presence {
                Presence::Required => None,
                Presence::Optional => Some(Argument::Null),
                Presence::Default(value) => typed.check("default", value, source, &mut diagnostics),
            };
        }
        if diagnostics.is_empty() { Ok(typed) } else { Err(diagnostics) }
    }

    /// The argument that the file gives under `key`.
    fn check(
        &self,
        key: &'static str,
        value: &Value,
        source: &Arc<SourceFile>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Argument> {
        match self.judge_json(&value.to_string()) {
            Ok(argument) => Some(argument),
            Err(why) => {
                let name = &self.parameter.name;
                let message = format!("the {key} of `{name}` {why}");
                diagnostics.push(
                    Diagnostic::error(Code::Example, message)
                        .at(source, self.parameter.place(key))
                        .help(format!("`{name}` is of type {}", self.ty.name())),
                );
                None
            }
        }
    }

    /// Reads an argument as path, query, header and form write it, decoded: its type, then its
    /// facets.
    ///
    /// # Errors
    /// A sentence for the caller that says what is wanted. It never repeats the argument.
    pub fn accept_text(&self, text: &str) -> Result<Argument, String> {
        self.judge_text(text).map_err(|why| self.sentence(&why))
    }

    /// Reads an argument as JSON writes it; `raw` is the text of one JSON value. `null` is NULL for
    /// a parameter that is optional and has no default, and refused for every other.
    ///
    /// # Errors
    /// A sentence for the caller that says what is wanted. It never repeats the argument.
    pub fn accept_json(&self, raw: &str) -> Result<Argument, String> {
        self.judge_json(raw).map_err(|why| self.sentence(&why))
    }

    fn sentence(&self, why: &str) -> String {
        format!("`{}` {why}", self.parameter.name)
    }

    fn judge_text(&self, text: &str) -> Result<Argument, String> {
        let argument = from_text(&self.ty, text).map_err(|invalid| invalid.to_string())?;
        if self.rules.is_empty() {
            return Ok(argument);
        }
        match self.ty.base() {
            Type::Array(element) if is_listable(element) => {
                if !text.is_empty() {
                    for item in text.split(',') {
                        self.rules.judge(item).map_err(|why| of_item(&why))?;
                    }
                }
            }
            Type::Array(_) => self.judge_items(text)?,
            _ => self.rules.judge(text)?,
        }
        Ok(argument)
    }

    fn judge_json(&self, raw: &str) -> Result<Argument, String> {
        let argument = from_json(&self.ty, raw).map_err(|invalid| invalid.to_string())?;
        if argument == Argument::Null {
            return match self.parameter.presence {
                Presence::Optional => Ok(argument),
                Presence::Required => Err("must not be null".to_owned()),
                Presence::Default(_) => {
                    Err("must not be null; leave it out for its default".to_owned())
                }
            };
        }
        if !self.rules.is_empty() {
            match self.ty.base() {
                Type::Array(_) => self.judge_items(raw)?,
                _ => self.rules.judge(&plain(raw))?,
            }
        }
        Ok(argument)
    }

    /// Judges each element of the JSON array `raw`, which is known to be one of the type.
    fn judge_items(&self, raw: &str) -> Result<(), String> {
        let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(|_| "is not an array")?;
        for item in items.into_iter().map(RawValue::get) {
            if item.starts_with('[') {
                self.judge_items(item)?;
            } else if item != "null" {
                self.rules.judge(&plain(item)).map_err(|why| of_item(&why))?;
            }
        }
        Ok(())
    }
}

fn of_item(why: &str) -> String {
    format!("has an item that {why}")
}

/// Whether an array of it is written as a list with commas, as `value::argument` has it.
fn is_listable(element: &Type) -> bool {
    !element.is_nested() && !matches!(element.base(), Type::Json | Type::Jsonb)
}

/// The plain text of the JSON scalar `raw`.
fn plain(raw: &str) -> String {
    serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.trim().to_owned())
}
