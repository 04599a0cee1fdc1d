//! How a statement may begin.
//!
//! The list says what may, not what may not: each word here can be prepared, run once on a shared
//! connection, and leaves that connection as it was.

use crate::{
    diagnostic::{Code, Diagnostic},
    name,
};

/// The keywords that an endpoint's statement may begin with. (An opening parenthesis may too.)
const ALLOWED: [&str; 12] = [
    "SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE", "CALL", "REFRESH",
    "NOTIFY", "SHOW",
];

/// Keywords that people try, with what to do instead.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"],
        "an endpoint that writes runs in one transaction already; several changes go into one \
         statement with `WITH … AS (…)`",
    ),
    (
        &["SET", "RESET", "DISCARD"],
        "requests share connections, so settings would leak from one to the next; set them on the \
         role in a migration (`ALTER ROLE … SET …`), or use `set_config(…, true)` in the statement",
    ),
    (
        &["LISTEN", "UNLISTEN", "DECLARE", "FETCH", "MOVE", "CLOSE", "LOCK", "LOAD"],
        "requests share connections, so what this leaves behind would reach other requests",
    ),
    (
        &["PREPARE", "EXECUTE", "DEALLOCATE"],
        "every endpoint's statement is prepared at start; write the statement itself",
    ),
    (&["COPY"], "use `INSERT` to write and `SELECT` to read"),
    (&["EXPLAIN"], "run `EXPLAIN` in psql; an endpoint is the statement itself"),
    (&["DO"], "put the block into a function in a migration, and `SELECT` or `CALL` it"),
    (
        &[
            "CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "COMMENT", "SECURITY", "REASSIGN",
            "IMPORT",
        ],
        "what shapes the database belongs in a file under `migrations/`",
    ),
    (
        &["TRUNCATE"],
        "`DELETE` removes the rows without the exclusive lock and the table's ownership",
    ),
    (
        &["VACUUM", "ANALYZE", "ANALYSE", "CLUSTER", "REINDEX", "CHECKPOINT"],
        "maintenance is the database administrator's; no request should start it",
    ),
];

/// What is wrong with a statement that begins with the keyword `word`.
pub(super) fn check(word: &str) -> Option<Diagnostic> {
    let keyword = word.to_ascii_uppercase();
    if ALLOWED.contains(&keyword.as_str()) {
        return None;
    }
    if let Some((_, help)) = REFUSED.iter().find(|(words, _)| words.contains(&keyword.as_str())) {
        let message = format!("a statement that begins with `{keyword}` is no endpoint");
        return Some(Diagnostic::error(Code::ForbiddenSql, message).help(*help));
    }
    let help = match name::nearest(&keyword, ALLOWED) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it begins with one of {}", ALLOWED.join(", ")),
    };
    let message = format!("no statement begins with `{word}`");
    Some(Diagnostic::error(Code::ForbiddenSql, message).help(help))
}
