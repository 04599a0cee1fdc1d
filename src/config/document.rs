//! The settings as documents: the default manifest and the reference page.

use super::{
    AccessPolicy, Answers, Audit, Auth, Cache, Client, Cors, Database, Hardening, Headers, Issuer,
    Keeper, Kept, Lane, Limits, Listen, Log, Process, Proxies, RateLimit, Reload, Rotating,
    Service, SignIn, Tls, Webhook,
    declare::{Described, Key, Preset},
    section::variable_of,
};
use std::fmt::Write;

/// What the reference page says before its tables.
const INTRODUCTION: &str = include_str!("introduction.md");

/// What the reference page says of routes.
const ROUTES_PAGE: &str = include_str!("routes.md");

/// What the default manifest shows of routes.
const ROUTES: &str = include_str!("routes.toml");

/// What the reference page says of sinks.
const SINKS_PAGE: &str = include_str!("sinks.md");

/// What the default manifest shows of sinks.
const SINKS: &str = include_str!("sinks.toml");

/// The tables that a service need not have.
const OPTIONAL: [&str; 11] = [
    "access.policies.NAME",
    "access.issuers.NAME",
    "webhook",
    "tls",
    "database",
    "keeper",
    "credentials",
    "auth.issuers.NAME",
    "auth.clients.NAME",
    "rate_limits.NAME",
    "cors",
];

pub(super) fn sections() -> [Described; 26] {
    [
        Service::describe(),
        Listen::describe(),
        Tls::describe(),
        Database::describe(),
        Keeper::describe(),
        Rotating::describe(),
        Audit::describe(),
        AccessPolicy::describe(),
        SignIn::describe(),
        Webhook::describe(),
        Lane::describe(),
        Limits::describe(),
        Process::describe(),
        Hardening::describe(),
        Reload::describe(),
        Answers::describe(),
        Kept::describe(),
        Cache::describe(),
        Log::describe(),
        Auth::describe(),
        Issuer::describe(),
        Client::describe(),
        RateLimit::describe(),
        Proxies::describe(),
        Cors::describe(),
        Headers::describe(),
    ]
}

/// Every key with its meaning and its default. Keys that have no default, and tables that a
/// service need not have, are commented out: `#key = "example"`.
pub(super) fn default_manifest() -> String {
    let mut text = String::from(
        "# A complete howdah.toml: every key with its meaning and its default.\n\
         # A key behind a `#` without a space is not in force: it shows an example, or the default\n\
         # that it has in a table which may be left out.\n",
    );
    for section in sections() {
        let names: &[&str] = match section.path {
            "lanes.NAME" => &["read", "write"],
            "auth.issuers.NAME" | "access.issuers.NAME" => &["main"],
            "auth.clients.NAME" => &["importer"],
            "rate_limits.NAME" => &["default"],
            "access.policies.NAME" => &["read"],
            _ => &[""],
        };
        for name in names {
            text.push('\n');
            for line in section.doc {
                line_of(&mut text, line);
            }
            let off = if OPTIONAL.contains(&section.path) { "#" } else { "" };
            let path = section.path.replace("NAME", name);
            line(&mut text, &format!("{off}[{path}]"));
            for key in &section.keys {
                manifest_key(&mut text, key, off, name);
            }
            if section.path == "credentials" {
                text.push_str(SINKS);
            }
        }
    }
    text.push('\n');
    text.push_str(ROUTES);
    text
}

fn manifest_key(text: &mut String, key: &Key, off: &str, section_name: &str) {
    for line in key.doc {
        line_of(text, line);
    }
    let (off, value) = match key.preset {
        Preset::Default(value) | Preset::Required(value) => (off, value),
        Preset::Absent(value) => ("#", value),
        Preset::Derived(words, value) => {
            line_of(text, &format!(" Left out, it is {words}."));
            // A lane's own name is what its access is.
            ("#", if key.name == "access" { section_name } else { value })
        }
    };
    line(text, &format!("{off}{} = {}", key.name, toml_value(key, value)));
}

fn toml_value(key: &Key, value: &str) -> String {
    if key.is_list {
        let items = value.split(", ").filter(|item| !item.is_empty());
        return format!("{:?}", items.collect::<Vec<_>>());
    }
    if key.is_quoted { format!("\"{value}\"") } else { value.to_owned() }
}

/// A line of a doc comment, which begins with its space.
fn line_of(text: &mut String, doc: &str) {
    line(text, &format!("#{doc}"));
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// The page `docs/configuration.md`.
pub(super) fn reference() -> String {
    let mut text = String::from(INTRODUCTION);
    for section in sections() {
        let _ = write!(
            text,
            "\n## `[{}]`\n\n{}\n\n| key | type | default | environment variable | meaning |\n\
             |---|---|---|---|---|\n",
            section.path,
            prose(section.doc),
        );
        for key in &section.keys {
            let variable = variable_of(&format!("{}.{}", section.path, key.name));
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | `{}` | {} |",
                key.name,
                cell(&key.kind),
                preset(key),
                variable.replace("S_NAME_", "S_<NAME>_"),
                cell(&prose(key.doc)),
            );
        }
        if section.path == "credentials" {
            text.push_str(SINKS_PAGE);
        }
    }
    text.push_str(ROUTES_PAGE);
    text
}

fn preset(key: &Key) -> String {
    match key.preset {
        Preset::Default(value) => format!("`{}`", toml_value(key, value)),
        Preset::Required(_) => "*required*".into(),
        Preset::Absent(_) => "none".into(),
        Preset::Derived(words, _) => words.into(),
    }
}

fn prose(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// Text that may stand in a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_declarations_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
        if std::env::var_os("HOWDAH_BLESS").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap();
        assert!(page == reference(), "docs/configuration.md is stale: HOWDAH_BLESS=1 cargo test");
    }

    #[test]
    fn every_key_is_in_both_documents() {
        let (page, manifest) = (reference(), default_manifest());
        for section in sections() {
            for key in &section.keys {
                assert!(page.contains(&format!("| `{}` |", key.name)), "{}", key.name);
                assert!(manifest.contains(&format!("{} = ", key.name)), "{}", key.name);
            }
        }
    }
}
