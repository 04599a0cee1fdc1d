//! A value of a document: what kind it is, and what it says.

use super::{Document, Expand, Expansion, Table};
use crate::diagnostic::{Code, Diagnostic};
use std::{cell::RefCell, ops::Range, rc::Rc};
use toml::de::DeValue;

/// How deep a value may nest to be read as JSON.
pub const MAX_DEPTH: usize = 64;

/// A value with its place, ready to be read as what the key takes.
pub struct Item<'t, 'e> {
    pub(super) document: Rc<Document<'e>>,
    pub(super) path: String,
    pub(super) span: Range<usize>,
    pub(super) value: &'t DeValue<'t>,
}

impl<'t, 'e> Item<'t, 'e> {
    /// Where the value stands in the document.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The bytes of the file that the value takes.
    pub fn file_span(&self) -> Range<usize> {
        self.span.start + self.document.offset..self.span.end + self.document.offset
    }

    /// The key's full path, such as `lanes.read.connections`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reports `diagnostic` at the value.
    pub fn report(&self, diagnostic: Diagnostic) {
        self.document.push(diagnostic, self.span.clone());
    }

    /// Reports `diagnostic` at `span` of the document, which is within the value.
    pub fn report_at(&self, diagnostic: Diagnostic, span: Range<usize>) {
        self.document.push(diagnostic, span);
    }

    /// Reports that the value is not allowed: `why` continues "`key` …".
    pub fn refuse(&self, code: Code, why: &str, help: Option<&str>) {
        let mut diagnostic = Diagnostic::error(code, format!("`{}` {why}", self.path));
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.document.push(diagnostic, self.span.clone());
    }

    fn wrong_type(&self, wanted: &str) {
        let diagnostic = Diagnostic::error(
            Code::WrongType,
            format!("`{}` takes {wanted}, not {}", self.path, kind(self.value)),
        );
        self.document.push(diagnostic, self.span.clone());
    }

    /// The value as text, expanded.
    pub fn string(&self) -> Option<String> {
        self.string_of("a string")
    }

    /// The value as text, expanded; `wanted` names what the key takes, for the error.
    pub fn string_of(&self, wanted: &str) -> Option<String> {
        match self.value {
            DeValue::String(text) => self.expanded(text),
            _ => {
                self.wrong_type(wanted);
                None
            }
        }
    }

    /// The value as it stands in the file, when it is text: what [`Item::string`] expands.
    pub fn raw_string(&self) -> Option<&'t str> {
        self.value.as_str()
    }

    /// A string, number or truth value as text, expanded: `port = 5432` and `port = "${PORT}"` are
    /// both good. `wanted` names what the key takes, for the error.
    pub fn scalar(&self, wanted: &str) -> Option<String> {
        match self.value {
            DeValue::String(text) => self.expanded(text),
            DeValue::Integer(number) => Some(integer_text(number)),
            DeValue::Float(number) => Some(number.as_str().to_owned()),
            DeValue::Boolean(truth) => Some(truth.to_string()),
            DeValue::Datetime(datetime) => Some(datetime.to_string()),
            _ => {
                self.wrong_type(wanted);
                None
            }
        }
    }

    /// The value as a truth value; where strings are expanded, one that says `true` or `false` is
    /// one, too.
    pub fn boolean(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(truth) => Some(*truth),
            DeValue::String(text) if self.document.expand.is_some() => {
                let truth = self.expanded(text)?.parse().ok();
                if truth.is_none() {
                    self.wrong_type("true or false");
                }
                truth
            }
            _ => {
                self.wrong_type("true or false");
                None
            }
        }
    }

    /// The value as a table.
    pub fn table(&self) -> Option<Table<'t, 'e>> {
        match self.value {
            DeValue::Table(entries) => Some(Table {
                document: Rc::clone(&self.document),
                path: self.path.clone(),
                span: self.span.clone(),
                entries: Some(entries),
                known: RefCell::default(),
            }),
            _ => {
                self.wrong_type("a table");
                None
            }
        }
    }

    /// Whether the value is a table.
    pub fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// The value's items, when it is an array.
    pub fn array(&self) -> Option<Vec<Item<'t, 'e>>> {
        match self.value {
            DeValue::Array(items) => Some(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, value)| Item {
                        document: Rc::clone(&self.document),
                        path: format!("{}[{index}]", self.path),
                        span: value.span(),
                        value: value.get_ref(),
                    })
                    .collect(),
            ),
            _ => {
                self.wrong_type("an array");
                None
            }
        }
    }

    /// The value as JSON, its strings expanded. Dates become text; numbers that JSON has not
    /// (`nan`, `inf`) and values nested deeper than [`MAX_DEPTH`] are an error.
    pub fn json(&self) -> Option<serde_json::Value> {
        self.json_by(self.document.expand)
    }

    /// The value as JSON, its strings rewritten by `expand` instead of the document's own rule.
    pub fn json_with(&self, expand: &Expand<'_>) -> Option<serde_json::Value> {
        self.json_by(Some(expand))
    }

    fn json_by(&self, expand: Option<&Expand<'_>>) -> Option<serde_json::Value> {
        if nests_deeper(self.value, MAX_DEPTH) {
            self.refuse(Code::InvalidValue, &format!("nests deeper than {MAX_DEPTH} levels"), None);
            return None;
        }
        self.shallow_json(expand)
    }

    fn shallow_json(&self, expand: Option<&Expand<'_>>) -> Option<serde_json::Value> {
        Some(match self.value {
            DeValue::String(text) => self.expanded_by(expand, text)?.into(),
            DeValue::Boolean(truth) => (*truth).into(),
            DeValue::Datetime(datetime) => datetime.to_string().into(),
            DeValue::Integer(number) => {
                let Ok(number) = integer_text(number).parse::<i64>() else {
                    self.refuse(Code::InvalidValue, "is larger than 64 bits hold", None);
                    return None;
                };
                number.into()
            }
            DeValue::Float(number) => {
                let number = number.as_str().replace('_', "").parse().ok();
                let Some(number) = number.and_then(serde_json::Number::from_f64) else {
                    self.refuse(Code::InvalidValue, "is a number that JSON has not", None);
                    return None;
                };
                serde_json::Value::Number(number)
            }
            DeValue::Array(_) => {
                // Every item is read, so that every mistake is found.
                let items = self.array()?;
                let items: Vec<_> = items.iter().map(|item| item.shallow_json(expand)).collect();
                items.into_iter().collect::<Option<Vec<_>>>()?.into()
            }
            DeValue::Table(_) => {
                let pairs: Vec<_> = self
                    .table()?
                    .rest()
                    .into_iter()
                    .map(|(key, _, item)| Some((key, item.shallow_json(expand)?)))
                    .collect();
                serde_json::Value::Object(pairs.into_iter().collect::<Option<_>>()?)
            }
        })
    }

    fn expanded(&self, text: &str) -> Option<String> {
        self.expanded_by(self.document.expand, text)
    }

    fn expanded_by(&self, expand: Option<&Expand<'_>>, text: &str) -> Option<String> {
        let Some(expand) = expand else { return Some(text.to_owned()) };
        match expand(text) {
            Ok(text) => Some(text),
            Err(Expansion { code, message, help }) => {
                let diagnostic =
                    Diagnostic::error(code, format!("`{}`: {message}", self.path)).help(help);
                self.document.push(diagnostic, self.span.clone());
                None
            }
        }
    }
}

/// Whether `value` holds arrays and tables within one another beyond `levels`.
fn nests_deeper(value: &DeValue<'_>, levels: usize) -> bool {
    let deeper = |inner: &DeValue<'_>| match levels.checked_sub(1) {
        None => true,
        Some(levels) => nests_deeper(inner, levels),
    };
    match value {
        DeValue::Array(items) => items.iter().any(|item| deeper(item.get_ref())),
        DeValue::Table(entries) => entries.iter().any(|(_, item)| deeper(item.get_ref())),
        _ => false,
    }
}

/// An integer's digits in decimal, whatever base it was written in; unreadable ones as written.
fn integer_text(number: &toml::de::DeInteger<'_>) -> String {
    let digits = number.as_str().replace('_', "");
    i128::from_str_radix(&digits, number.radix()).map_or(digits, |value| value.to_string())
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a truth value",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
