//! Reading a TOML table key by key, so that every mistake in it is found in one look.
//!
//! Owns the walk over a spanned TOML document: kinds of value, unknown keys with the nearest known
//! one, carets. Does not own what a key means (`config`, `definition`).

use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    name,
};
use std::{cell::RefCell, collections::BTreeSet, ops::Range, rc::Rc, sync::Arc};
use toml::de::{DeTable, DeValue};

/// Rewrites a string value before it is read, as `${NAME}` is expanded; or says what is wrong with
/// it and where within the value's text.
pub type Expand<'e> = dyn Fn(&str) -> Result<String, Expansion> + 'e;

/// What is wrong with a `${NAME}` in a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// What is wrong, as a sentence without its full stop.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// What all tables of one document share.
struct Document<'e> {
    source: Arc<SourceFile>,
    offset: usize,
    expand: Option<&'e Expand<'e>>,
    diagnostics: RefCell<Diagnostics>,
}

/// A table that is being read. Each `take…` marks its key as known; [`Table::finish`] reports the
/// keys that nothing took.
pub struct Table<'t, 'e> {
    document: Rc<Document<'e>>,
    path: String,
    span: Range<usize>,
    entries: Option<&'t DeTable<'t>>,
    known: RefCell<BTreeSet<&'static str>>,
}

/// A value with its place, ready to be read as what the key takes.
pub struct Item<'t, 'e> {
    document: Rc<Document<'e>>,
    path: String,
    span: Range<usize>,
    value: &'t DeValue<'t>,
}

/// Reads the TOML document that stands at byte `offset` of `source` and is `text`, with `read`;
/// gives what `read` gave and everything that was wrong.
///
/// `expand` rewrites each string value as it is taken.
pub fn read<R>(
    source: &Arc<SourceFile>,
    text: &str,
    offset: usize,
    expand: Option<&Expand<'_>>,
    read: impl FnOnce(&Table<'_, '_>) -> R,
) -> (R, Diagnostics) {
    let (root, errors) = DeTable::parse_recoverable(text);
    let document = Rc::new(Document {
        source: Arc::clone(source),
        offset,
        expand,
        diagnostics: RefCell::default(),
    });
    let broken = !errors.is_empty();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        document
            .push(Diagnostic::error(Code::TomlSyntax, error.message().replace('\n', ", ")), span);
    }
    let table = Table {
        document: Rc::clone(&document),
        path: String::new(),
        span: 0..0,
        entries: Some(root.get_ref()),
        known: RefCell::default(),
    };
    let result = read(&table);
    drop(table);
    let mut diagnostics = document.diagnostics.take();
    if broken {
        // What a broken document seems to say is not worth a second error.
        diagnostics =
            diagnostics.iter().filter(|it| it.code() == Code::TomlSyntax).cloned().collect();
    }
    (result, diagnostics)
}

impl Document<'_> {
    fn push(&self, diagnostic: Diagnostic, span: Range<usize>) {
        let span = span.start + self.offset..span.end + self.offset;
        self.diagnostics.borrow_mut().push(diagnostic.at(&self.source, span));
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl<'t, 'e> Table<'t, 'e> {
    /// The value of `key`, if it is there.
    pub fn take(&self, key: &'static str) -> Option<Item<'t, 'e>> {
        self.known.borrow_mut().insert(key);
        let (_, value) = self.entries?.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(self.item(key, value))
    }

    /// The value of `key`; its absence is an error.
    pub fn require(&self, key: &'static str) -> Option<Item<'t, 'e>> {
        let item = self.take(key);
        if item.is_none() {
            self.document.push(
                Diagnostic::error(
                    Code::MissingKey,
                    format!("`{}` is missing", join(&self.path, key)),
                ),
                self.span.clone(),
            );
        }
        item
    }

    /// The table at `key`, if it is there and one.
    pub fn table(&self, key: &'static str) -> Option<Table<'t, 'e>> {
        self.take(key)?.table()
    }

    /// Every key that nobody named yet, with its value: for tables whose keys are the person's own.
    pub fn rest(&self) -> Vec<(String, Range<usize>, Item<'t, 'e>)> {
        let Some(entries) = self.entries else { return Vec::new() };
        entries
            .iter()
            .filter(|(name, _)| !self.known.borrow().contains(name.get_ref().as_ref()))
            .map(|(name, value)| {
                (name.get_ref().to_string(), name.span(), self.item(name.get_ref(), value))
            })
            .collect()
    }

    /// Reports each key that nothing took, with the nearest known one.
    pub fn finish(&self) {
        let known = self.known.borrow();
        for (key, span, _) in self.rest() {
            let mut diagnostic = Diagnostic::error(
                Code::UnknownKey,
                format!("unknown key `{}`", join(&self.path, &key)),
            )
            .label("nothing reads this");
            diagnostic = match name::nearest(&key, known.iter().copied()) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help(format!(
                    "the known keys here are {}",
                    known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
                )),
            };
            self.document.push(diagnostic, span);
        }
    }

    /// Reports `diagnostic` at the bytes `span` of the document.
    pub fn report(&self, diagnostic: Diagnostic, span: Range<usize>) {
        self.document.push(diagnostic, span);
    }

    /// Where the table stands in the document.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The file the document stands in.
    pub fn source(&self) -> &Arc<SourceFile> {
        &self.document.source
    }

    fn item(&self, key: &str, value: &'t toml::Spanned<DeValue<'t>>) -> Item<'t, 'e> {
        Item {
            document: Rc::clone(&self.document),
            path: join(&self.path, key),
            span: value.span(),
            value: value.get_ref(),
        }
    }
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
        match self.value {
            DeValue::String(text) => self.expanded(text),
            _ => {
                self.wrong_type("a string");
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

    /// The value as a truth value.
    pub fn boolean(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(truth) => Some(*truth),
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
    /// (`nan`, `inf`) are an error.
    pub fn json(&self) -> Option<serde_json::Value> {
        Some(match self.value {
            DeValue::String(text) => self.expanded(text)?.into(),
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
                self.array()?.iter().map(Item::json).collect::<Option<Vec<_>>>()?.into()
            }
            DeValue::Table(_) => {
                let table = self.table()?;
                let pairs =
                    table.rest().into_iter().map(|(key, _, item)| Some((key, item.json()?)));
                serde_json::Value::Object(pairs.collect::<Option<_>>()?)
            }
        })
    }

    fn expanded(&self, text: &str) -> Option<String> {
        let Some(expand) = self.document.expand else { return Some(text.to_owned()) };
        match expand(text) {
            Ok(text) => Some(text),
            Err(Expansion { message, help }) => {
                let diagnostic =
                    Diagnostic::error(Code::Environment, format!("`{}`: {message}", self.path))
                        .help(help);
                self.document.push(diagnostic, self.span.clone());
                None
            }
        }
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
