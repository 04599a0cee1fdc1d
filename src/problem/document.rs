//! The page `docs/errors.md`: every problem and every diagnostic, from where they are declared.

use super::{Code, sqlstate};
use crate::diagnostic;
use std::fmt::Write;

const INTRODUCTION: &str = include_str!("errors.md");

/// What stands before the table of SQLSTATEs.
const SQLSTATES: &str = "
## What PostgreSQL refuses

The SQLSTATE of a refused statement decides the problem; a code of the table goes before its class. A
read is GET and DELETE, a write POST, PUT and PATCH. What PostgreSQL said is in the log, with the
request id.

| SQLSTATE | in a read | in a write |
|---|---|---|
";

/// What stands before the table of diagnostics.
const DIAGNOSTICS: &str = "
## Diagnostics

`howdah check` prints everything that is wrong with a folder, each with its code, place and, where there
is one, a hint; `--format json` prints the same for programs. Other commands stop at the same
diagnostics.

| code | means |
|---|---|
";

fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str("| status | code | title | means |\n|---|---|---|---|\n");
    for code in Code::ALL {
        let (status, slug, title) = (code.status(), code.slug(), code.title());
        let _ = writeln!(text, "| {status} | `{slug}` | {title} | {} |", cell(code.explanation()));
    }
    text.push_str(SQLSTATES);
    for (sqlstate, read, write) in sqlstate::TABLE {
        let sqlstate = match *sqlstate {
            "other" => "any other".to_owned(),
            code => format!("`{code}`"),
        };
        let of = |code: &Code| format!("{} `{}`", code.status(), code.slug());
        let _ = writeln!(text, "| {sqlstate} | {} | {} |", of(read), of(write));
    }
    text.push_str(DIAGNOSTICS);
    for code in diagnostic::Code::ALL {
        let _ = writeln!(text, "| `{}` | {} |", code.slug(), cell(code.explanation()));
    }
    text
}

/// A doc comment as the cell of a Markdown table.
fn cell(explanation: &str) -> String {
    let lines: Vec<&str> = explanation.lines().map(str::trim).collect();
    lines.join(" ").trim().replace('|', "\\|")
}

#[test]
fn the_page_is_what_the_codes_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
    if std::env::var_os("HOWDAH_BLESS").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == page(), "docs/errors.md is stale: HOWDAH_BLESS=1 cargo test --lib problem");
}

#[test]
fn the_codes_are_told_apart_by_name() {
    for (index, code) in Code::ALL.iter().enumerate() {
        assert!(Code::ALL[..index].iter().all(|other| other.slug() != code.slug()));
        assert!((400..=599).contains(&code.status()), "{code:?}");
        assert!(!cell(code.explanation()).is_empty(), "{code:?}");
    }
}
