//! What PostgreSQL says about a file, as a diagnostic with its caret.

use crate::diagnostic::{Code, Diagnostic, SourceFile};
use std::{error::Error as _, ops::Range, sync::Arc};
use tokio_postgres::{
    Error,
    error::{ErrorPosition, SqlState},
};

/// Why the server does not take the text of `source`, which was sent to it as it is.
///
/// The caret stands on the word that the server points at; without a position, on the file.
pub fn explain(source: &Arc<SourceFile>, error: &Error) -> Diagnostic {
    let Some(refusal) = error.as_db_error() else {
        // The client meets COPY's messages where it expects none, and has no other sign of it.
        if error.to_string() == "unexpected message from server" {
            return Diagnostic::error(Code::Statement, "the file copies from or to the client")
                .in_file(source)
                .help(NO_COPY);
        }
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        return Diagnostic::error(
            Code::Database,
            format!("the connection was lost while the file ran: {error}{cause}"),
        )
        .in_file(source);
    };
    let mut diagnostic = Diagnostic::error(Code::Statement, refusal.message())
        .sqlstate(refusal.code().code())
        .in_file(source);
    match refusal.position() {
        Some(ErrorPosition::Original(position)) => {
            diagnostic = diagnostic.at(source, word_at(source.text(), *position));
        }
        Some(ErrorPosition::Internal { query, .. }) => {
            diagnostic = diagnostic.note(format!("within the statement: {}", query.trim()));
        }
        None => {}
    }
    if let Some(detail) = refusal.detail() {
        diagnostic = diagnostic.note(detail);
    }
    if let Some(context) = refusal.where_() {
        diagnostic = diagnostic.note(context);
    }
    // What pg_dump writes: the rows behind COPY are then read as SQL.
    let copies = || source.text().to_ascii_lowercase().contains("from stdin");
    match refusal.hint() {
        Some(hint) => diagnostic.help(hint),
        None if *refusal.code() == SqlState::SYNTAX_ERROR && copies() => diagnostic.help(NO_COPY),
        None => diagnostic,
    }
}

/// What to write instead of a COPY whose data the client would have to send.
pub const NO_COPY: &str = "COPY … FROM stdin needs psql: write INSERT … VALUES instead \
    (pg_dump does with --inserts)";

/// The bytes of the word at `position`, which counts characters from 1 as PostgreSQL does.
fn word_at(text: &str, position: u32) -> Range<usize> {
    let index = usize::try_from(position).unwrap_or(usize::MAX).saturating_sub(1);
    let start = text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
    let rest = &text[start..];
    let word = rest.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(rest.len());
    let length = match word {
        0 => rest.chars().next().map_or(0, char::len_utf8),
        length => length,
    };
    start..start + length
}

#[cfg(test)]
mod tests {
    use super::word_at;

    #[test]
    fn positions_count_characters() {
        assert_eq!(word_at("SELECT 'é', nope", 13), 13..17);
        assert_eq!(word_at("SELECT (", 8), 7..8);
        assert_eq!(word_at("é", 1), 0..2);
        assert_eq!(word_at("SELECT", 99), 6..6);
        assert_eq!(word_at("", 1), 0..0);
    }
}
