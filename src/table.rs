//! Reading a TOML table key by key, so that every mistake in it is found in one look.
//!
//! Owns the walk over a spanned TOML document: kinds of value, unknown keys with the nearest known
//! one, carets. Does not own what a key means (`config`, `definition`).

mod item;

pub use item::{Item, MAX_DEPTH};

use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    name,
};
use std::{cell::RefCell, collections::BTreeSet, ops::Range, rc::Rc, sync::Arc};
use toml::de::{DeTable, DeValue};

/// The most diagnostics that one document gives.
const MOST_SHOWN: usize = 50;

/// Rewrites a string value before it is read, as `${NAME}` is expanded; or says what is wrong with
/// it and where within the value's text.
pub type Expand<'e> = dyn Fn(&str) -> Result<String, Expansion> + 'e;

/// What is wrong with a string value that was to be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// Which rule it breaks: [`Code::Environment`] for a `${NAME}`.
    pub code: Code,
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
        let message = syntax(error.message());
        let diagnostic = Diagnostic::error(Code::TomlSyntax, message);
        match error.span() {
            Some(span) => document.push(diagnostic, span),
            None => document.diagnostics.borrow_mut().push(diagnostic.in_file(source)),
        }
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
    (result, shortened(diagnostics))
}

/// The parser's message in our words.
fn syntax(message: &str) -> String {
    if message.contains("recursion") {
        // Its bound is 80 levels, be they brackets, braces or dots in a key.
        return "the document nests too deep".into();
    }
    message.replace('\n', ", ")
}

/// The first diagnostics, with a note when there are more than a person reads.
fn shortened(mut diagnostics: Diagnostics) -> Diagnostics {
    let (errors, warnings) = diagnostics.counts();
    let Some(hidden) = (errors + warnings).checked_sub(MOST_SHOWN).filter(|hidden| *hidden > 0)
    else {
        return diagnostics;
    };
    diagnostics.sort();
    let shown = diagnostics.iter().take(MOST_SHOWN).enumerate().map(|(index, diagnostic)| {
        let diagnostic = diagnostic.clone();
        if index + 1 == MOST_SHOWN {
            diagnostic.note(format!("{hidden} more of the file's mistakes are not shown"))
        } else {
            diagnostic
        }
    });
    shown.collect()
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

#[cfg(test)]
mod tests;
