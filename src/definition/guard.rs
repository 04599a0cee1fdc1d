//! What a file says of who may call, and how often: `auth` and `rate_limit`.
//!
//! Owns reading the two keys, for endpoint files and routes alike. Does not own what holds when they
//! are left out (`service`), nor the decision (`access`).

use crate::{
    diagnostic::Code,
    table::{Item, Table},
};
use std::ops::Range;

/// Who may call, as far as a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// Nothing is said: whoever has signed in, once any authentication is configured.
    #[default]
    Unsaid,
    /// Everybody.
    Public,
    /// Whoever has signed in and has each of these scopes; there may be none.
    Caller(Vec<String>),
}

/// What a file says of who may call, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// Who may call.
    pub admission: Admission,
    /// The bytes of the file that say so; empty when nothing is said.
    pub admission_span: Range<usize>,
    /// The rate limits that count here beside those that count everywhere, with the bytes of the
    /// file that name each.
    pub rate_limits: Vec<(String, Range<usize>)>,
}

/// Reads `auth` and `rate_limit` of `table`; mistakes are reported there.
pub fn read(table: &Table<'_, '_>) -> Guard {
    let mut guard = Guard::default();
    if let Some(item) = table.take("auth") {
        guard.admission_span = item.file_span();
        guard.admission = admission(&item).unwrap_or_default();
    }
    if let Some(item) = table.take("rate_limit") {
        let named =
            if item.raw_string().is_some() { vec![item] } else { item.array().unwrap_or_default() };
        let named = named.iter().filter_map(|item| Some((item.string()?, item.file_span())));
        guard.rate_limits = named.collect();
    }
    guard
}

const HELP: &str =
    "write `auth = \"public\"`, `auth = \"caller\"`, or `auth = { scopes = [\"name\"] }`";

fn admission(item: &Item<'_, '_>) -> Option<Admission> {
    if item.is_table() {
        let table = item.table()?;
        let scopes = table.require("scopes");
        table.finish();
        return scopes_of(&scopes?).map(Admission::Caller);
    }
    match item.string_of("\"public\", \"caller\" or a table with `scopes`")?.as_str() {
        "public" => Some(Admission::Public),
        "caller" => Some(Admission::Caller(Vec::new())),
        _ => {
            item.refuse(Code::InvalidValue, "says neither who may call nor with what", Some(HELP));
            None
        }
    }
}

fn scopes_of(item: &Item<'_, '_>) -> Option<Vec<String>> {
    let mut scopes: Vec<String> = Vec::new();
    for item in item.array()? {
        let scope = item.string()?;
        if !is_scope(&scope) {
            item.refuse(
                Code::InvalidValue,
                "is no scope",
                Some("a scope is made of visible ASCII characters without `\"`, `\\` and spaces"),
            );
            return None;
        }
        if scopes.contains(&scope) {
            item.refuse(Code::Conflict, "is named twice", None);
        }
        scopes.push(scope);
    }
    if scopes.is_empty() {
        item.refuse(
            Code::InvalidValue,
            "names no scope",
            Some("for any caller who has signed in, write `auth = \"caller\"`"),
        );
        return None;
    }
    Some(scopes)
}

/// Whether `text` is a scope token (RFC 6749 §3.3).
pub fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diagnostic::SourceFile, table};

    fn read_from(text: &str) -> Result<Guard, String> {
        let source = SourceFile::new("a.sql", text);
        let (guard, found) = table::read(&source, text, 0, None, |root| {
            let guard = read(root);
            root.finish();
            guard
        });
        if found.is_empty() { Ok(guard) } else { Err(found.render(false)) }
    }

    #[test]
    fn what_a_file_says_is_read() {
        assert_eq!(read_from("").unwrap(), Guard::default());
        assert_eq!(read_from("auth = \"public\"").unwrap().admission, Admission::Public);
        assert_eq!(
            read_from("auth = \"caller\"").unwrap().admission,
            Admission::Caller(Vec::new())
        );
        let guard =
            read_from("auth = { scopes = [\"a:b\", \"c\"] }\nrate_limit = \"slow\"").unwrap();
        assert_eq!(guard.admission, Admission::Caller(vec!["a:b".into(), "c".into()]));
        assert_eq!(guard.rate_limits[0].0, "slow");
        let guard = read_from("rate_limit = [\"a\", \"b\"]").unwrap();
        assert_eq!(guard.rate_limits.len(), 2);
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        for (text, message) in [
            ("auth = \"pubilc\"", "says neither who may call"),
            ("auth = true", "takes \"public\", \"caller\" or a table with `scopes`"),
            ("auth = {}", "`auth.scopes` is missing"),
            ("auth = { scope = [\"a\"] }", "did you mean `scopes`"),
            ("auth = { scopes = [] }", "names no scope"),
            ("auth = { scopes = \"a\" }", "takes an array"),
            ("auth = { scopes = [\"a b\"] }", "is no scope"),
            ("auth = { scopes = [\"a\", \"a\"] }", "is named twice"),
            ("rate_limit = 3", "takes an array"),
        ] {
            let told = read_from(text).unwrap_err();
            assert!(told.contains(message), "{text}: {told}");
            assert!(told.contains("a.sql:1:"), "{told}");
        }
    }
}
