//! The facets of one parameter, ready to judge the plain text of one value.

use crate::{
    definition::parameter::{Parameter, decimal::Decimal},
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    value::{
        Argument, Type,
        argument::{from_json, from_text},
    },
};
use regex::Regex;
use std::{cmp::Ordering, sync::Arc};

/// More allowed values than this are not listed to a caller.
const LISTED: usize = 20;

/// What a value that has the type must keep to beside it.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// The type of the one value: that of the elements for an array.
    ty: Type,
    minimum: Option<(Decimal, String)>,
    maximum: Option<(Decimal, String)>,
    min_length: Option<usize>,
    max_length: Option<usize>,
    pattern: Option<(String, Regex)>,
    allowed: Option<Vec<Allowed>>,
}

#[derive(Clone, Debug)]
struct Allowed {
    shown: String,
    argument: Argument,
    number: Option<Decimal>,
}

impl Rules {
    /// The facets of `parameter` for its type `ty`, and those that do not fit it.
    pub(super) fn of(
        source: &Arc<SourceFile>,
        parameter: &Parameter,
        ty: &Type,
    ) -> (Self, Diagnostics) {
        let ty = match ty.base() {
            Type::Array(element) => element.as_ref().clone(),
            _ => ty.clone(),
        };
        let facets = &parameter.facets;
        let mut diagnostics = Diagnostics::new();
        let mut misfit = |key: &str, wants: &str| {
            let message = format!(
                "`{key}` is for {wants}, and `{}` is of type {}",
                parameter.name,
                ty.name()
            );
            diagnostics.push(
                Diagnostic::error(Code::Facet, message)
                    .at(source, parameter.place(key))
                    .help("leave it out, or state another `type`"),
            );
        };
        for (key, is_stated, fits, wants) in [
            ("minimum", facets.minimum.is_some(), ty.is_numeric(), "numbers"),
            ("maximum", facets.maximum.is_some(), ty.is_numeric(), "numbers"),
            ("min_length", facets.min_length.is_some(), ty.is_textual(), "text"),
            ("max_length", facets.max_length.is_some(), ty.is_textual(), "text"),
            ("pattern", facets.pattern.is_some(), ty.is_textual(), "text"),
            ("enum", facets.allowed.is_some(), is_plain(&ty), "single values"),
        ] {
            if is_stated && !fits {
                misfit(key, wants);
            }
        }
        let mut allowed = None;
        if let Some(values) = facets.allowed.as_ref().filter(|_| is_plain(&ty)) {
            let list = allowed.insert(Vec::with_capacity(values.len()));
            for value in values {
                let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                match from_json(&ty, &value.to_string()) {
                    Ok(argument) => {
                        let number = ty.is_numeric().then(|| Decimal::parse(&shown)).flatten();
                        list.push(Allowed { shown, argument, number });
                    }
                    Err(why) => diagnostics.push(
                        Diagnostic::error(
                            Code::Facet,
                            format!("`enum` of `{}` has a value that {why}", parameter.name),
                        )
                        .at(source, parameter.place("enum"))
                        .help(format!("the values are of type {}", ty.name())),
                    ),
                }
            }
        }
        let bound = |number: &Option<serde_json::Number>| {
            let text = number.as_ref()?.to_string();
            Some((Decimal::parse(&text)?, text))
        };
        let rules = Self {
            minimum: bound(&facets.minimum),
            maximum: bound(&facets.maximum),
            min_length: facets.min_length,
            max_length: facets.max_length,
            pattern: facets.pattern.clone(),
            allowed,
            ty,
        };
        (rules, diagnostics)
    }

    /// Whether every value of the type is good.
    pub(super) fn is_empty(&self) -> bool {
        self.minimum.is_none()
            && self.maximum.is_none()
            && self.min_length.is_none()
            && self.max_length.is_none()
            && self.pattern.is_none()
            && self.allowed.is_none()
    }

    /// Judges the plain text of a value that has the type.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub(super) fn judge(&self, text: &str) -> Result<(), String> {
        self.judge_number(text)?;
        if self.min_length.is_some() || self.max_length.is_some() {
            let length = text.chars().count();
            if let Some(least) = self.min_length.filter(|least| length < *least) {
                return Err(format!("is shorter than {}", characters(least)));
            }
            if let Some(greatest) = self.max_length.filter(|greatest| length > *greatest) {
                return Err(format!("is longer than {}", characters(greatest)));
            }
        }
        if let Some((written, regex)) = &self.pattern
            && !regex.is_match(text)
        {
            return Err(format!("does not match the pattern {written}"));
        }
        self.judge_membership(text)
    }

    fn judge_number(&self, text: &str) -> Result<(), String> {
        if self.minimum.is_none() && self.maximum.is_none() {
            return Ok(());
        }
        let number = Decimal::parse(text).filter(|number| *number != Decimal::NaN);
        let number = number.ok_or("is not a number")?;
        if let Some((least, shown)) = &self.minimum
            && number.compare(least) == Some(Ordering::Less)
        {
            return Err(format!("is less than {shown}"));
        }
        if let Some((greatest, shown)) = &self.maximum
            && number.compare(greatest) == Some(Ordering::Greater)
        {
            return Err(format!("is greater than {shown}"));
        }
        Ok(())
    }

    fn judge_membership(&self, text: &str) -> Result<(), String> {
        let Some(allowed) = &self.allowed else { return Ok(()) };
        let number = if self.ty.is_numeric() { Decimal::parse(text) } else { None };
        let argument = from_text(&self.ty, text).map_err(|invalid| invalid.to_string())?;
        let is_member = allowed.iter().any(|one| match (&one.number, &number) {
            (Some(one), Some(number)) => one.compare(number) == Some(Ordering::Equal),
            _ => one.argument == argument,
        });
        if is_member {
            return Ok(());
        }
        if allowed.len() > LISTED {
            return Err("is not one of the allowed values".to_owned());
        }
        let shown: Vec<_> = allowed.iter().map(|one| one.shown.as_str()).collect();
        Err(format!("is not one of {}", shown.join(", ")))
    }
}

/// Whether two values of the type can be told apart by their spelling.
fn is_plain(ty: &Type) -> bool {
    !ty.is_nested() && !matches!(ty.base(), Type::Json | Type::Jsonb)
}

fn characters(count: usize) -> String {
    if count == 1 { "1 character".to_owned() } else { format!("{count} characters") }
}
