//! The placeholder lexer: every `:name` becomes `$n`, and nothing else changes.
//!
//! Owns which colon is a placeholder and which statements an endpoint may have. Does not own types
//! (`endpoint` asks PostgreSQL) nor what a name means (`parameter`).
//!
//! The rule for a colon, as psql has it unless said otherwise:
//! - Nothing inside strings, quoted identifiers and comments is a placeholder.
//! - `::` and `:=` are operators; a colon before anything but a letter or `_` stays a colon.
//! - `:name` is a placeholder, in `ARRAY[:a, :b]` and `list[:n]` too.
//! - Inside square brackets, a colon that touches an operand on its left belongs to a slice:
//!   `list[1:n]` has a column `n` (psql would see a variable). With parameters a slice is written
//!   with spaces, `list[:a : :b]`.
//! - Elsewhere a placeholder that touches an operand is refused: `x:a` would become `x$1`, which is
//!   an identifier.

mod opening;
mod scan;
mod script;
#[cfg(test)]
mod tests;

pub use script::first_words;

use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    name::Identifier,
};
use scan::{Kind, Scanner, Token, Unterminated};
use std::{collections::HashMap, ops::Range, sync::Arc};

/// A statement with its placeholders numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The SQL as PostgreSQL gets it: `:name` replaced by `$n`, all other bytes as they were. White
    /// space before the first token, and all behind the last, is left out.
    pub sql: String,
    /// The parameter behind each `$n`, `$1` first. A name used twice has one number.
    pub parameters: Vec<Identifier>,
    /// For each placeholder in order of appearance: its bytes in the file, its bytes in `sql`, and
    /// the index of its parameter.
    pub uses: Vec<Use>,
    /// Where the statement begins in the file.
    pub offset: usize,
    /// The names directly behind a slice's colon, which stay what they are: their bytes in the
    /// file.
    pub slice_names: Vec<Range<usize>>,
}

/// One placeholder in a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Its bytes in the file, the colon included.
    pub file_span: Range<usize>,
    /// Its bytes in [`Statement::sql`].
    pub sql_span: Range<usize>,
    /// The index into [`Statement::parameters`].
    pub parameter: usize,
}

impl Statement {
    /// No statement, where one could stand at byte `offset` of the file.
    pub(super) fn none(offset: usize) -> Self {
        Self {
            sql: String::new(),
            parameters: Vec::new(),
            uses: Vec::new(),
            offset,
            slice_names: Vec::new(),
        }
    }

    /// The byte of the file that stands at byte `sql_offset` of [`Statement::sql`]; within a
    /// placeholder, its colon.
    pub fn file_offset(&self, sql_offset: usize) -> usize {
        let sql_offset = sql_offset.min(self.sql.len());
        match self.uses.iter().rev().find(|it| it.sql_span.start <= sql_offset) {
            None => self.offset + sql_offset,
            Some(it) if sql_offset < it.sql_span.end => it.file_span.start,
            Some(it) => it.file_span.end + (sql_offset - it.sql_span.end),
        }
    }

    /// The byte of the file for a position as PostgreSQL's errors give it: in characters, from 1
    /// (PostgreSQL documentation, "Error and Notice Message Fields", field `P`).
    pub fn file_offset_of_char(&self, position: u32) -> usize {
        let before = usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX);
        let offset = self.sql.char_indices().nth(before).map_or(self.sql.len(), |(at, _)| at);
        self.file_offset(offset)
    }

    /// The bytes of the file that the token at such a position takes, for a caret under all of it.
    pub fn file_span_of_char(&self, source: &SourceFile, position: u32) -> Range<usize> {
        let start = self.file_offset_of_char(position);
        let mut tokens = Scanner::new(source.text(), start..source.text().len());
        match tokens.next() {
            Some(Ok(token)) if token.kind != Kind::Space => token.span,
            _ => start..start,
        }
    }
}

/// Finds the one statement in the bytes `statement` of `source` and numbers its placeholders.
///
/// # Errors
/// Everything that is wrong with it, as far as it can be read: no statement or a second one, a
/// quote or comment without end, `$1`, a statement that an endpoint may not have, a colon that
/// cannot be told.
pub fn lex(source: &Arc<SourceFile>, statement: Range<usize>) -> Result<Statement, Diagnostics> {
    match examine(source, statement) {
        (Some(lexed), diagnostics) if diagnostics.is_empty() => Ok(lexed),
        (_, diagnostics) => Err(diagnostics),
    }
}

/// As [`lex`], and what could be read although something is wrong.
pub(super) fn examine(
    source: &Arc<SourceFile>,
    statement: Range<usize>,
) -> (Option<Statement>, Diagnostics) {
    let text = source.text();
    let end = text.floor_char_boundary(statement.end);
    let start = text.floor_char_boundary(statement.start.min(end));
    let mut lexer = Lexer { source, diagnostics: Diagnostics::new() };
    lexer.refuse_nul(start..end);
    let tokens = lexer.tokens(start..end);
    let tokens = tokens.and_then(|tokens| lexer.only_statement(tokens, start..end));
    let lexed = tokens.map(|tokens| lexer.number(&tokens));
    (lexed, lexer.diagnostics)
}

/// The bytes of the first token of `sql` that is neither blank nor comment.
pub(super) fn first_token(sql: &str) -> Option<Range<usize>> {
    Scanner::new(sql, 0..sql.len()).find_map(|token| match token {
        Ok(token) if matches!(token.kind, Kind::Space | Kind::Comment) => None,
        Ok(token) => Some(token.span),
        Err(unterminated) => Some(unterminated.open),
    })
}

/// The end of the block comment that opens at byte `at` of `text`, when it has one. Comments nest.
pub(super) fn block_comment_end(text: &str, at: usize) -> Option<usize> {
    scan::block_comment(text, at).ok()
}

/// The most mistakes of one statement that are told.
const MOST_SHOWN: usize = 50;

struct Lexer<'s> {
    source: &'s Arc<SourceFile>,
    diagnostics: Diagnostics,
}

impl<'s> Lexer<'s> {
    fn text(&self, span: &Range<usize>) -> &'s str {
        &self.source.text()[span.clone()]
    }

    fn report(&mut self, diagnostic: Diagnostic, span: &Range<usize>) {
        if self.diagnostics.counts().0 >= MOST_SHOWN {
            return;
        }
        self.diagnostics.push(diagnostic.at(self.source, span.clone()));
    }

    fn refuse_nul(&mut self, range: Range<usize>) {
        if let Some(at) = self.text(&range).find('\0') {
            let at = range.start + at;
            let diagnostic = Diagnostic::error(Code::ForbiddenSql, "the SQL has a NUL byte")
                .help("PostgreSQL's text cannot hold one; save the file as UTF-8 without it");
            self.report(diagnostic, &(at..at + 1));
        }
    }

    /// All tokens that mean something, or nothing when one has no end.
    fn tokens(&mut self, range: Range<usize>) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        for token in Scanner::new(self.source.text(), range) {
            match token {
                Ok(token) => tokens.push(token),
                Err(Unterminated { what, open, closing }) => {
                    let diagnostic =
                        Diagnostic::error(Code::Unterminated, format!("the {what} has no end"))
                            .label(format!("the {what} opens here"))
                            .help(format!("close it with `{closing}`"));
                    self.report(diagnostic, &open);
                    return None;
                }
            }
        }
        Some(tokens)
    }

    /// The tokens of the one statement, from the first that is no space to the last that is more
    /// than space or comment, without its semicolon.
    fn only_statement(
        &mut self,
        mut tokens: Vec<Token>,
        range: Range<usize>,
    ) -> Option<Vec<Token>> {
        let blank = |token: &Token| matches!(token.kind, Kind::Space | Kind::Comment);
        let semicolon = tokens.iter().position(|token| token.kind == Kind::Semicolon);
        let rest = semicolon.map_or(Vec::new(), |at| tokens.split_off(at));
        let Some(last) = tokens.iter().rposition(|token| !blank(token)) else {
            let place = rest.first().map_or(range.end..range.end, |token| token.span.clone());
            let diagnostic = Diagnostic::error(Code::StatementCount, "there is no statement")
                .help("write one SQL statement, such as `SELECT 1 AS one`");
            self.report(diagnostic, &place);
            return None;
        };
        tokens.truncate(last + 1);
        if let Some(second) =
            rest.iter().find(|token| !blank(token) && token.kind != Kind::Semicolon)
        {
            let diagnostic =
                Diagnostic::error(Code::StatementCount, "there is more than one statement")
                    .label("a second statement begins here")
                    .help(
                        "an endpoint is one statement; combine them with `WITH … AS (…)`, or make \
                         two endpoints",
                    );
            self.report(diagnostic, &second.span);
        }
        let leading = tokens.iter().take_while(|token| token.kind == Kind::Space).count();
        tokens.drain(..leading);
        if let Some(first) = tokens.iter().find(|token| !blank(token)) {
            let (diagnostic, span) = match first.kind {
                Kind::Word => (opening::check(self.text(&first.span)), first.span.clone()),
                _ => (None, first.span.clone()),
            };
            if let Some(diagnostic) = diagnostic {
                self.report(diagnostic, &span);
            }
        }
        Some(tokens)
    }

    fn number(&mut self, tokens: &[Token]) -> Statement {
        let mut lexed = Statement {
            sql: String::new(),
            parameters: Vec::new(),
            uses: Vec::new(),
            offset: tokens.first().map_or(0, |token| token.span.start),
            slice_names: Vec::new(),
        };
        let mut numbers = HashMap::new();
        for (index, token) in tokens.iter().enumerate() {
            if let Kind::Placeholder { touches } = token.kind
                && let Some(name) = self.placeholder(token, touches)
            {
                lexed.place(name, token.span.clone(), &mut numbers);
                continue;
            }
            if token.kind == Kind::SliceColon
                && let Some(name) = tokens.get(index + 1)
            {
                lexed.slice_names.push(name.span.clone());
            }
            self.refuse(token);
            lexed.sql.push_str(self.text(&token.span));
        }
        lexed
    }

    fn placeholder(&mut self, token: &Token, touches: bool) -> Option<Identifier> {
        let written = self.text(&token.span);
        if touches {
            let diagnostic = Diagnostic::error(
                Code::ForbiddenSql,
                format!("the placeholder `{written}` touches what stands before it"),
            )
            .help(format!(
                "write ` {written}` for the parameter; for a column behind a colon, `: {}`",
                &written[1..]
            ));
            self.report(diagnostic, &token.span);
        }
        if self.source.text()[token.span.end..].starts_with('$') {
            let diagnostic = Diagnostic::error(
                Code::ForbiddenSql,
                format!("the placeholder `{written}` touches a `$`"),
            )
            .help("a placeholder's name is letters, digits and underscores; put a space behind it");
            self.report(diagnostic, &(token.span.start..token.span.end + 1));
        }
        match Identifier::parse(&written[1..]) {
            Ok(name) => Some(name),
            Err(why) => {
                let diagnostic = Diagnostic::error(
                    Code::InvalidValue,
                    format!("the placeholder `{written}` {why}"),
                )
                .help(
                    "a parameter's name is a letter or underscore, then letters (a to z), digits \
                     and underscores",
                );
                self.report(diagnostic, &token.span);
                None
            }
        }
    }

    /// Refuses what PostgreSQL would misread or never see.
    fn refuse(&mut self, token: &Token) {
        let written = self.text(&token.span);
        let (message, help) = match token.kind {
            Kind::Positional => (
                format!("`{written}` is a numbered parameter"),
                "name it: `:name`, and declare it under `[parameters]`",
            ),
            Kind::PsqlColon => (
                "this is a variable of psql, which would be pasted into the SQL".to_owned(),
                "write `:name` without quotes; its value never becomes part of the SQL",
            ),
            Kind::Backslash => (
                "a backslash outside of quotes begins a command of psql".to_owned(),
                "an endpoint is SQL alone; a string with escapes is written `E'…'`",
            ),
            Kind::FalseSpace => (
                format!(
                    "this looks like a space and is U+{:04X}, which PostgreSQL takes for a letter",
                    written.chars().next().map_or(0, u32::from)
                ),
                "replace it with a plain space",
            ),
            _ => return,
        };
        self.report(Diagnostic::error(Code::ForbiddenSql, message).help(help), &token.span);
    }
}

impl Statement {
    fn place(
        &mut self,
        name: Identifier,
        file_span: Range<usize>,
        numbers: &mut HashMap<Identifier, usize>,
    ) {
        let parameter = *numbers.entry(name).or_insert_with_key(|name| {
            self.parameters.push(name.clone());
            self.parameters.len() - 1
        });
        let start = self.sql.len();
        self.sql.push('$');
        self.sql.push_str(&(parameter + 1).to_string());
        self.uses.push(Use { file_span, sql_span: start..self.sql.len(), parameter });
    }
}
