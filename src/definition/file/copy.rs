//! `copy = "table (columns)"`: an endpoint that loads rows, in the place of a statement.
//!
//! Owns how the table and its columns are written, what becomes of rows that are there already, and
//! the keys that go with it. Does not own whether the table has such columns (`endpoint`).

use super::{Code, front_matter::Place};
use crate::{
    config::quantity,
    definition::route::{Method, PathTemplate},
    diagnostic::{Diagnostic, Diagnostics, SourceFile},
    name,
    table::{Item, Table},
};
use std::{ops::Range, sync::Arc};

/// The most rows that a body may have when its file does not say.
pub const DEFAULT_MAX_ROWS: u64 = 1_000_000;
/// The most bytes that a body may have, decompressed, when its file does not say.
pub const DEFAULT_MAX_BYTES: u64 = 256 << 20;
/// The longest name that PostgreSQL keeps, in bytes (`NAMEDATALEN` − 1).
const LONGEST_NAME: usize = name::MAX_IDENTIFIER_BYTES;
/// The most columns that a table has (PostgreSQL's `MaxHeapAttributeNumber`).
const MOST_COLUMNS: usize = 1600;

/// What is loaded where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The schema, when one is named.
    pub schema: Option<String>,
    /// The table.
    pub table: Name,
    /// The columns that each row gives.
    pub columns: Vec<Name>,
    /// What becomes of a row whose key is there already.
    pub on_conflict: OnConflict,
    /// The columns of that key; none for the primary key.
    pub conflict: Vec<Name>,
    /// Where `on_conflict` stands in the file; the method's line when it does not.
    pub conflict_span: Range<usize>,
    /// The most rows of a body.
    pub max_rows: u64,
    /// The most bytes of a body, decompressed.
    pub max_bytes: u64,
}

/// A name as PostgreSQL keeps it, with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Folded to lower case, unless it stood in quotes.
    pub text: String,
    /// Where it stands.
    pub span: Range<usize>,
}

impl Name {
    /// The name in quotes, as SQL takes any.
    pub fn quoted(&self) -> String {
        quoted(&self.text)
    }
}

/// `text` as a quoted identifier.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

impl Copy {
    /// The table as SQL names it.
    pub fn target(&self) -> String {
        let schema = self.schema.as_ref().map(|schema| quoted(schema) + ".");
        schema.unwrap_or_default() + &self.table.quoted()
    }

    /// The columns as SQL lists them.
    pub fn list(&self) -> String {
        self.columns.iter().map(Name::quoted).collect::<Vec<_>>().join(", ")
    }
}

/// What becomes of a row whose key is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Nothing is loaded.
    #[default]
    Reject,
    /// It is left out.
    Skip,
    /// It takes the place of the one that is there.
    Replace,
}

impl OnConflict {
    const ALL: [(&str, Self); 3] =
        [("reject", Self::Reject), ("skip", Self::Skip), ("replace", Self::Replace)];

    /// As front matter writes it.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }
}

/// What the keys of a bulk endpoint say; `max_rows` is read with the others.
pub(super) struct Keys {
    pub(super) copy: Option<Copy>,
    /// Whether there is a `copy`, good or not.
    pub(super) is_copy: bool,
}

/// Reads `copy` and the keys that are for it alone.
pub(super) fn read(root: &Table<'_, '_>) -> Keys {
    let copy = root.take("copy");
    let on_conflict = root.take("on_conflict");
    let conflict = root.take("conflict");
    let max_bytes = root.take("max_bytes");
    let Some(copy) = copy else {
        for item in [&on_conflict, &conflict, &max_bytes].into_iter().flatten() {
            item.refuse(
                Code::Conflict,
                "is for an endpoint with `copy`",
                Some("leave it out, or write `copy = \"table (columns)\"`"),
            );
        }
        return Keys { copy: None, is_copy: false };
    };
    let mut action = OnConflict::default();
    if let Some(item) = &on_conflict
        && let Some(written) = item.string()
    {
        match OnConflict::ALL.iter().find(|(name, _)| *name == written) {
            Some((_, known)) => action = *known,
            None => {
                let near = name::nearest(&written, OnConflict::ALL.map(|(name, _)| name));
                let help = match near {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => "it is one of \"reject\", \"skip\" and \"replace\"".to_owned(),
                };
                let why = format!("is \"{written}\", which is nothing to do with a row");
                item.refuse(Code::InvalidValue, &why, Some(&help));
            }
        }
    }
    let says_reject = on_conflict.as_ref().is_none_or(|item| item.raw_string() == Some("reject"));
    if let Some(item) = &conflict
        && says_reject
    {
        let help = "say `on_conflict = \"skip\"` or \"replace\", or leave it out";
        item.refuse(Code::Conflict, "names a key although every conflict is refused", Some(help));
    }
    let conflict = conflict.map(|item| key(&item)).unwrap_or_default();
    let max_bytes = max_bytes.map_or(Some(DEFAULT_MAX_BYTES), |item| bytes(&item));
    let parsed = target(&copy);
    let span = on_conflict.map_or_else(|| copy.file_span(), |item| item.file_span());
    let copy = parsed.zip(max_bytes).map(|((schema, table, columns), max_bytes)| Copy {
        schema,
        table,
        columns,
        on_conflict: action,
        conflict,
        conflict_span: span,
        max_rows: DEFAULT_MAX_ROWS,
        max_bytes,
    });
    Keys { copy, is_copy: true }
}

/// What a bulk endpoint cannot have beside `copy`.
pub(super) fn refuse_others(
    root: &Table<'_, '_>,
    route: Option<&(Method, PathTemplate, Range<usize>)>,
    others: &[Option<&Item<'_, '_>>],
) {
    for item in others.iter().copied().flatten() {
        let help = "a bulk endpoint takes rows alone and answers with what went in";
        item.refuse(Code::Conflict, "does not go with `copy`", Some(help));
    }
    let Some((method, path, _)) = route else { return };
    if !matches!(method, Method::Post | Method::Put) {
        let diagnostic =
            Diagnostic::error(Code::Conflict, format!("`copy` stands behind {}", method.as_str()))
                .help("rows are loaded by `post` or `put`");
        root.report(diagnostic, root.take(method.key()).map_or(0..0, |item| item.span()));
    }
    if !path.parameters().is_empty() {
        let diagnostic =
            Diagnostic::error(Code::Conflict, "the path of a bulk endpoint has a parameter")
                .help("a bulk endpoint takes rows alone; make the value a column");
        root.report(diagnostic, root.take(method.key()).map_or(0..0, |item| item.span()));
    }
}

/// Tells of a statement behind the front matter at `place`.
pub(super) fn refuse_statement(source: &Arc<SourceFile>, place: &Place) -> Diagnostics {
    let rest = source.text().get(place.end..).unwrap_or_default();
    let Some(start) = crate::definition::placeholder::first_token(rest) else {
        return Diagnostics::new();
    };
    Diagnostic::error(Code::StatementCount, "a statement stands behind `copy`")
        .at(source, place.end + start.start..place.end + start.end)
        .label("it begins here")
        .help("an endpoint either loads rows or runs one statement; make two endpoints")
        .into()
}

fn bytes(item: &Item<'_, '_>) -> Option<u64> {
    let written = item.scalar("a size such as \"256 MiB\"")?;
    match quantity::size(&written) {
        Ok(0) => item.refuse(Code::InvalidValue, "is 0, so that no row fits", None),
        Ok(bytes) => return Some(bytes),
        Err(why) => item.refuse(
            Code::InvalidValue,
            &format!("is no size: {why}"),
            Some("write a whole number and its unit, such as \"256 MiB\""),
        ),
    }
    None
}

fn key(item: &Item<'_, '_>) -> Vec<Name> {
    let items = item.array().unwrap_or_default();
    if items.is_empty() {
        item.refuse(
            Code::InvalidValue,
            "names no column",
            Some("leave it out for the primary key"),
        );
    }
    let mut names: Vec<Name> = Vec::new();
    for item in items {
        let Some(text) = item.string() else { continue };
        if names.iter().any(|name| name.text == text) {
            item.refuse(Code::Conflict, &format!("names `{text}` twice"), None);
        }
        names.push(Name { text, span: item.file_span() });
    }
    names
}

type Target = (Option<String>, Name, Vec<Name>);

/// Reads `schema.table (column, …)`.
fn target(item: &Item<'_, '_>) -> Option<Target> {
    let text = item.string()?;
    // Where the text stands as it is in the file, a caret can point into it.
    let plain =
        item.raw_string() == Some(text.as_str()) && item.file_span().len() == text.len() + 2;
    let place = |span: Range<usize>| {
        let start = item.file_span().start + 1;
        if plain { start + span.start..start + span.end } else { item.file_span() }
    };
    let mut reader = Reader { text: &text, at: 0 };
    match read_target(&mut reader, &place) {
        Ok(target) => Some(target),
        Err((span, why)) => {
            let offset = item.file_span().start - item.span().start;
            let span = place(span);
            item.report_at(
                Diagnostic::error(Code::InvalidValue, format!("`copy` {why}"))
                    .help("write `copy = \"table (column, column)\"`, names in `\\\"…\\\"` where SQL wants quotes"),
                span.start - offset..span.end - offset,
            );
            None
        }
    }
}

type Wrong = (Range<usize>, String);

fn read_target(
    reader: &mut Reader<'_>,
    place: &dyn Fn(Range<usize>) -> Range<usize>,
) -> Result<Target, Wrong> {
    let named = |(text, span): (String, Range<usize>)| Name { text, span: place(span) };
    let mut table = reader.name("the table's name")?;
    let mut schema = None;
    if reader.take('.') {
        schema = Some(table.0);
        table = reader.name("the table's name")?;
    }
    if !reader.take('(') {
        return Err(reader.wrong("lacks the list of columns in parentheses"));
    }
    let mut columns: Vec<Name> = Vec::new();
    loop {
        let (name, span) = reader.name("a column's name")?;
        if columns.iter().any(|known| known.text == name) {
            return Err((span, format!("names the column `{name}` twice")));
        }
        columns.push(named((name, span)));
        if columns.len() > MOST_COLUMNS {
            return Err((0..reader.at, format!("names more than {MOST_COLUMNS} columns")));
        }
        if reader.take(')') {
            break;
        }
        if !reader.take(',') {
            return Err(reader.wrong("lacks a `,` or `)` here"));
        }
    }
    reader.blanks();
    if reader.at < reader.text.len() {
        return Err((reader.at..reader.text.len(), "has something behind the columns".to_owned()));
    }
    Ok((schema, named(table), columns))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, wanted: char) -> bool {
        self.blanks();
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn wrong(&self, why: &str) -> Wrong {
        let next = self.rest().chars().next().map_or(0, char::len_utf8);
        (self.at..self.at + next, why.to_owned())
    }

    /// A name as PostgreSQL reads it (PostgreSQL documentation, "Identifiers and Key Words").
    fn name(&mut self, what: &str) -> Result<(String, Range<usize>), Wrong> {
        self.blanks();
        let start = self.at;
        let name = if self.rest().starts_with('"') {
            self.quoted_name()?
        } else {
            let word = |character: &char| {
                character.is_ascii_alphanumeric()
                    || matches!(character, '_' | '$')
                    || !character.is_ascii()
            };
            let name: String = self.rest().chars().take_while(word).collect();
            if name.is_empty()
                || name.starts_with(|first: char| first.is_ascii_digit() || first == '$')
            {
                return Err(self.wrong(&format!("lacks {what} here")));
            }
            self.at += name.len();
            name.to_ascii_lowercase()
        };
        let span = start..self.at;
        if name.len() > LONGEST_NAME {
            return Err((span, format!("has a name of more than {LONGEST_NAME} bytes")));
        }
        if name.contains('\0') {
            return Err((span, "has a name with a NUL in it".to_owned()));
        }
        Ok((name, span))
    }

    fn quoted_name(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        self.at += 1;
        let mut name = String::new();
        loop {
            let Some(character) = self.rest().chars().next() else {
                return Err((start..self.at, "has a quoted name without its end".to_owned()));
            };
            self.at += character.len_utf8();
            if character == '"' {
                if !self.rest().starts_with('"') {
                    break;
                }
                self.at += 1;
            }
            name.push(character);
        }
        if name.is_empty() {
            return Err((start..self.at, "has an empty name".to_owned()));
        }
        Ok(name)
    }
}
