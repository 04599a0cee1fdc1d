//! The house's own rules, read from its sources: a floor imports only its own rooms and those of
//! the floors below it, every room stands on a floor, no file is `mod.rs`, none is over its ceiling.
//!
//! What breaks a rule is found by functions over text, which the planted examples at the end prove.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it is wrong")]

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The rooms of each floor, the ground floor first.
const FLOORS: [&[&str]; 8] = [
    &["name", "secret", "problem", "diagnostic", "event"],
    &["config", "value", "definition", "table"],
    &["credential", "access", "cursor"],
    &["postgres", "lane", "migration", "outbound"],
    &["audit", "approval", "rotation"],
    &["endpoint", "builtin", "decode", "service", "encode", "openapi", "metrics", "advice"],
    &["http", "console"],
    &[
        "observe",
        "identity",
        "hardening",
        "posture",
        "embedded",
        "keeper",
        "watch",
        "scaffold",
        "scheduling",
        "sealed",
        "startup",
        "supervise",
        "cli",
        "main",
    ],
];

/// The most lines a file may have.
const CEILING: usize = 400;

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// A path that begins at the root of the crate: the room it leads to, and its line.
struct Import {
    room: String,
    line: usize,
}

/// Every path in `tokens` that begins at the root of the crate, from a module `depth` below it:
/// `crate::room`, each branch of `crate::{…}`, and `super::` where it climbs that far.
fn imports(tokens: TokenStream, depth: usize, found: &mut Vec<Import>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        let word = identifier(&tokens, at);
        if let TokenTree::Group(group) = &tokens[at] {
            let module = at >= 2 && identifier(&tokens, at - 2).as_deref() == Some("mod");
            imports(group.stream(), depth + usize::from(module), found);
        } else if let Some(word @ ("crate" | "super")) = word.as_deref()
            && is_path_separator(&tokens, at + 1)
        {
            let mut climbed = usize::from(word == "super");
            let mut next = at + 3;
            while identifier(&tokens, next).as_deref() == Some("super")
                && is_path_separator(&tokens, next + 1)
            {
                climbed += 1;
                next += 3;
            }
            if word == "crate" || climbed == depth {
                branches(&tokens[next..], found);
            }
            at = next;
            continue;
        }
        at += 1;
    }
}

/// The first segment of the path, or of each branch of the braces, that `tokens` begin with.
fn branches(tokens: &[TokenTree], found: &mut Vec<Import>) {
    match tokens.first() {
        Some(TokenTree::Ident(room)) => {
            found.push(Import { room: room.to_string(), line: room.span().start().line });
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let comma =
                |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
            inner.split(comma).for_each(|branch| branches(branch, found));
        }
        Some(token @ TokenTree::Punct(star)) if star.as_char() == '*' => {
            found.push(Import { room: "*".to_owned(), line: token.span().start().line });
        }
        _ => {}
    }
}

fn identifier(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// What breaks a rule in the source file at `path` (below `src/`) with this text.
fn violations(path: &str, text: &str) -> Vec<String> {
    let mut wrong = file_violations(path, text);
    let room = path.split('/').next().unwrap().trim_end_matches(".rs");
    // The map and the table of contents see every floor.
    if room == "lib" || room == "main" {
        return wrong;
    }
    let Some(own) = floor(room) else {
        wrong.push(format!("{path}: the room `{room}` stands on no floor"));
        return wrong;
    };
    let mut found = Vec::new();
    imports(text.parse().expect("Rust's tokens"), path.split('/').count(), &mut found);
    for Import { room, line } in found {
        match floor(&room) {
            Some(other) if other <= own => {}
            Some(other) => wrong.push(format!(
                "{path}:{line}: floor {own} imports `{room}` from floor {other}, above it"
            )),
            None => wrong.push(format!("{path}:{line}: `{room}` is a room on no floor")),
        }
    }
    wrong
}

/// What breaks a rule for any file.
fn file_violations(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if path.rsplit('/').next() == Some("mod.rs") {
        wrong.push(format!("{path}: a room's file stands beside its folder, not in it as mod.rs"));
    }
    let lines = text.lines().count();
    if lines > CEILING {
        wrong.push(format!("{path}: {lines} lines, over the ceiling of {CEILING}"));
    }
    wrong
}

/// The modules that `lib.rs` lists where they are not in floor order.
fn disorder(map: &str) -> Vec<String> {
    let listed = map.lines().filter_map(|line| {
        let line = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "))?;
        let room = line.strip_suffix(';')?;
        Some((room.to_owned(), floor(room)))
    });
    let listed: Vec<_> = listed.collect();
    let out_of_order = listed.windows(2).filter(|pair| pair[1].1 < pair[0].1);
    out_of_order.map(|pair| format!("lib.rs: `{}` after `{}`", pair[1].0, pair[0].0)).collect()
}

/// Every Rust file below `folder`, with its path from there.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(&current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

fn in_project(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

#[test]
fn no_floor_imports_from_above() {
    let files = sources(&in_project("src"));
    assert!(files.len() > 10, "the sources are read");
    let mut wrong: Vec<_> = files.iter().flat_map(|(path, text)| violations(path, text)).collect();
    wrong.extend(disorder(&fs::read_to_string(in_project("src/lib.rs")).unwrap()));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_test_file_is_over_its_ceiling() {
    let files = sources(&in_project("tests"));
    let wrong: Vec<_> = files.iter().flat_map(|(path, text)| file_violations(path, text)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn planted_violations_are_found() {
    let upward = "an import from above";
    let planted = [
        ("value.rs", "use crate::http::server;", upward),
        ("value/numeric.rs", "use crate::{name, lane::{Lane, Ticket}};", upward),
        ("value.rs", "fn f() -> crate::service::Service { todo() }", upward),
        ("value.rs", "fn f() { matches!(x, crate::startup::Y) }", upward),
        ("value.rs", "pub use super::cli;", upward),
        ("value/numeric/digits.rs", "use super::super::super::{name, endpoint};", upward),
        ("value.rs", "mod tests { use super::super::lane::Lane; }", upward),
        ("value.rs", "use crate::*;", "no floor"),
        ("value.rs", "use crate::basement::Rat;", "no floor"),
        ("basement.rs", "", "stands on no floor"),
        ("value/mod.rs", "", "mod.rs"),
        ("value.rs", &"//\n".repeat(CEILING + 1), "ceiling"),
    ];
    for (path, text, what) in planted {
        assert_eq!(violations(path, text).len(), 1, "{what} in {path}: {text}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    let allowed = [
        ("lane.rs", "use crate::{name::Identifier, postgres::session, lane::queue};"),
        ("lane/queue.rs", "use super::{Lane, http}; pub(crate) fn f() {}"),
        ("lane.rs", "mod tests { use super::*; }"),
        (
            "value.rs",
            "//! Not [`crate::http`].\n// use crate::http;\nconst A: &str = \"crate::http\";",
        ),
        ("main.rs", "fn main() { howdah::cli::main() }"),
        ("value.rs", &"//\n".repeat(CEILING)),
    ];
    for (path, text) in allowed {
        assert_eq!(violations(path, text), Vec::<String>::new(), "in {path}: {text}");
    }
    assert_eq!(disorder("pub mod name;\npub mod lane;\npub mod value;").len(), 1);
    assert_eq!(disorder("pub mod name;\npub mod value;\npub mod lane;").len(), 0);
}
