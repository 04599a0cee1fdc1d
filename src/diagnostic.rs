//! The one error that explains a file.
//!
//! Owns what a person reads when a manifest, an endpoint file or a statement is wrong: file, line,
//! caret, code, hint, and the same as JSON. Does not own the rules that are broken; those are where
//! the file's meaning is.

mod code;
mod render;

pub use code::Code;

use std::{ops::Range, path::Path, sync::Arc};

/// A file's text with the name a person knows it by.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    path: String,
    text: String,
}

impl SourceFile {
    /// The text of the file that is shown as `path`.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), text: text.into() })
    }

    /// The file's text, from bytes that ought to be UTF-8; a byte order mark is no part of it.
    ///
    /// # Errors
    /// A diagnostic that points at the first byte that is no UTF-8.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Arc<Self>, Box<Diagnostic>> {
        let shown = path.display().to_string();
        String::from_utf8(bytes)
            .map(|text| Self::new(shown.clone(), text.strip_prefix('\u{feff}').unwrap_or(&text)))
            .map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                let source = Self::new(shown, String::from_utf8_lossy(error.as_bytes()));
                Diagnostic::error(Code::NotUtf8, "the file is not UTF-8")
                    .at(&source, at..at + char::REPLACEMENT_CHARACTER.len_utf8())
                    .label("this byte is not UTF-8")
                    .help("save the file as UTF-8")
                    .boxed()
            })
    }

    /// The name a person knows the file by.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and column (both from 1, columns in characters) of a byte offset.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The service would work; somebody should look.
    Warning,
    /// The service cannot start.
    Error,
}

/// Where in which file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    source: Arc<SourceFile>,
    span: Option<Range<usize>>,
}

/// One thing that is wrong with one file, told so that it can be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    severity: Severity,
    code: Code,
    message: String,
    place: Option<Place>,
    label: Option<String>,
    sqlstate: Option<String>,
    notes: Vec<String>,
    help: Option<String>,
}

impl Diagnostic {
    /// An error: `message` is a sentence without its full stop.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            place: None,
            label: None,
            sqlstate: None,
            notes: Vec::new(),
            help: None,
        }
    }

    /// A warning: worth telling, no reason to stop.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Points at the bytes `span` of `source`. A span past the end, or within a character, is
    /// moved to where it can be shown.
    #[must_use]
    pub fn at(mut self, source: &Arc<SourceFile>, span: Range<usize>) -> Self {
        let text = source.text();
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = span.end.clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        self.place = Some(Place { source: Arc::clone(source), span: Some(start..end) });
        self
    }

    /// Points at `source` as a whole.
    #[must_use]
    pub fn in_file(mut self, source: &Arc<SourceFile>) -> Self {
        self.place = Some(Place { source: Arc::clone(source), span: None });
        self
    }

    /// Says what stands at the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds a fact that helps to understand.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The five-character SQLSTATE that PostgreSQL gave.
    #[must_use]
    pub fn sqlstate(mut self, sqlstate: impl Into<String>) -> Self {
        self.sqlstate = Some(sqlstate.into());
        self
    }

    /// For the far side of a `Result`.
    pub fn boxed(self) -> Box<Self> {
        Box::new(self)
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Which rule was broken.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The file that it is about, and where in it: line and column, from 1.
    pub fn position(&self) -> Option<(&str, Option<(usize, usize)>)> {
        let place = self.place.as_ref()?;
        let start = place.span.as_ref().map(|span| place.source.position(span.start));
        Some((place.source.path(), start))
    }

    /// What to do about it, where that is known.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

/// Everything found in one look, so that a person mends it all at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all of `other`.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Adds the failure's diagnostic, or gives the success's value.
    pub fn keep<T>(&mut self, result: Result<T, Box<Diagnostic>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(diagnostic) => {
                self.push(*diagnostic);
                None
            }
        }
    }

    /// Whether any of them stops the start.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many errors, how many warnings.
    pub fn counts(&self) -> (usize, usize) {
        let errors = self.0.iter().filter(|it| it.severity == Severity::Error).count();
        (errors, self.0.len() - errors)
    }

    /// In the order of file and place.
    pub fn sort(&mut self) {
        self.0.sort_by_cached_key(|diagnostic| {
            diagnostic.place.as_ref().map(|place| {
                (place.source.path().to_owned(), place.span.as_ref().map_or(0, |span| span.start))
            })
        });
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// `value` when nothing here stops the start, else all that was found.
    pub fn into_result<T>(self, value: Option<T>) -> Result<(T, Self), Self> {
        match value {
            Some(value) if !self.has_errors() => Ok((value, self)),
            _ => Err(self),
        }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl From<Box<Diagnostic>> for Diagnostics {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Self(vec![*diagnostic])
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iterator: I) -> Self {
        Self(iterator.into_iter().collect())
    }
}
