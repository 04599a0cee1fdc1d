//! What a migration file is called, and in which order the files run.

use crate::{
    definition::placeholder::first_words,
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    postgres::session::NO_COPY,
};
use std::sync::Arc;

/// The longest name the history keeps, in characters.
const MAX_NAME_CHARS: usize = 255;

/// One numbered file.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The file.
    pub source: Arc<SourceFile>,
    /// The number before the underscore.
    pub version: i64,
    /// What stands between the underscore and `.sql`.
    pub name: String,
    pub(super) runnable: refinery::Migration,
}

/// The files of `migrations/` in the order of their numbers, each number once.
#[derive(Clone, Debug, Default)]
pub struct Migrations(Vec<Migration>);

impl Migrations {
    /// Takes the `.sql` files of the folder, in any order.
    ///
    /// # Errors
    /// A diagnostic for each file whose name is not digits, an underscore and a name, for each
    /// number that two files share, and for each statement that begins or ends a transaction or copies
    /// between server and client.
    pub fn parse(files: &[Arc<SourceFile>]) -> Result<Self, Diagnostics> {
        let mut found = Diagnostics::new();
        let mut all: Vec<Migration> =
            files.iter().filter_map(|file| found.keep(Migration::parse(file))).collect();
        for file in files {
            found.append(forbidden(file));
        }
        all.sort_by(|a, b| (a.version, &a.name).cmp(&(b.version, &b.name)));
        for pair in all.windows(2) {
            if let [first, second] = pair
                && first.version == second.version
            {
                found.push(
                    Diagnostic::error(
                        Code::Migration,
                        format!("two migrations have the number {}", second.version),
                    )
                    .in_file(&second.source)
                    .note(format!("the other is {}", first.source.path()))
                    .help("give one of them the next free number"),
                );
            }
        }
        if found.is_empty() { Ok(Self(all)) } else { Err(found) }
    }

    /// In order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Migration> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn runnable(&self) -> Vec<refinery::Migration> {
        self.0.iter().map(|migration| migration.runnable.clone()).collect()
    }
}

impl Migration {
    fn parse(source: &Arc<SourceFile>) -> Result<Self, Box<Diagnostic>> {
        let wrong = |why: &str| {
            Diagnostic::error(Code::Migration, format!("the migration's file name {why}"))
                .in_file(source)
                .help("name it like `0001_tables.sql`: a number, an underscore, a name of letters, digits and underscores")
                .boxed()
        };
        let stem = file_name(source.path())
            .strip_suffix(".sql")
            .ok_or_else(|| wrong("does not end in `.sql`"))?;
        let (number, name) = stem
            .split_once('_')
            .ok_or_else(|| wrong("has no underscore between its number and its name"))?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong("does not begin with a number"));
        }
        let version: i64 = number.parse().map_err(|_| wrong("has a number that is too large"))?;
        if name.is_empty() {
            return Err(wrong("has no name behind its number"));
        }
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(wrong("has a character other than letters, digits and underscores"));
        }
        if name.len() > MAX_NAME_CHARS {
            return Err(wrong("is longer than 255 characters"));
        }
        let runnable =
            refinery::Migration::unapplied(&format!("V{version}__{name}"), source.text())
                .map_err(|error| wrong(&format!("is not one that can be run: {error}")))?;
        Ok(Self { source: Arc::clone(source), version, name: name.to_owned(), runnable })
    }
}

/// A diagnostic for each statement that a file must not have: one that would begin or end a
/// transaction, for the file has one of its own, without which half of it could stay; and a COPY
/// between server and client.
pub(super) fn forbidden(source: &Arc<SourceFile>) -> Diagnostics {
    let controls = ["BEGIN", "START", "COMMIT", "ROLLBACK", "ABORT"];
    let (copies, mut words): (Vec<_>, Vec<_>) = first_words(source.text())
        .into_iter()
        .partition(|span| source.text()[span.clone()].eq_ignore_ascii_case("COPY"));
    words.retain(|span| {
        let word = &source.text()[span.clone()];
        controls.iter().any(|control| word.eq_ignore_ascii_case(control))
    });
    let tell = |span: std::ops::Range<usize>| {
        let word = source.text()[span.clone()].to_ascii_uppercase();
        Diagnostic::error(Code::ForbiddenSql, format!("`{word}` in a file that is run as a whole"))
            .at(source, span)
            .help("remove it: each file runs in one transaction, all of it or nothing")
    };
    words
        .into_iter()
        .map(tell)
        .chain(copies.into_iter().filter_map(|span| copy(source, span)))
        .collect()
}

/// A COPY between the server and its client: the client here has no data for it. PostgreSQL 13 is
/// left out of step by it, so it must not get that far.
fn copy(source: &Arc<SourceFile>, word: std::ops::Range<usize>) -> Option<Diagnostic> {
    let statement = source.text()[word.start..].split(';').next().unwrap_or_default();
    let client = statement
        .split(|character: char| !character.is_ascii_alphanumeric())
        .any(|word| word.eq_ignore_ascii_case("stdin") || word.eq_ignore_ascii_case("stdout"));
    client.then(|| {
        Diagnostic::error(
            Code::ForbiddenSql,
            "COPY with the client in a file that is run as a whole",
        )
        .at(source, word)
        .help(NO_COPY)
    })
}

/// The last component of a path as it is shown.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
