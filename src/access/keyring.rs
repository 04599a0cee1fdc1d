//! The file of API keys: what it says, and which key a digest means.
//!
//! ```toml
//! [[key]]
//! name = "nightly-import"
//! hash = "sha256:…"                       # as `howdah key new` prints it
//! scopes = ["prices:write"]
//! expires = 2027-01-01T00:00:00Z          # and `not_before`; both may be left out
//! role = "app_user"                       # one of `auth.roles`
//! claims = { tenant = "acme" }            # for `from = "claim:tenant"` and row-level security
//! ```

use super::ApiKey;
use crate::{
    definition::guard::is_scope,
    diagnostic::{Code, Diagnostic, Diagnostics, SourceFile},
    table::{self, Item, Table},
};
use serde_json::{Map, Value};
use std::{collections::HashMap, fmt::Write, ops::Range, sync::Arc, time::SystemTime};

/// The issuer that the claims of a key's holder name.
pub const ISSUER: &str = "urn:howdah:keys";
/// The longest name of a key, in bytes.
const LONGEST_NAME: usize = 100;

/// API keys by their digest.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: HashMap<[u8; 32], Arc<ApiKey>>,
}

impl Keyring {
    /// The key with this digest. How long that takes says nothing of a key: who asks does not
    /// choose a digest, only what it is made of.
    pub fn find(&self, digest: &[u8; 32]) -> Option<&Arc<ApiKey>> {
        self.keys.get(digest)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Each key with the digest it is known by.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8; 32], &ApiKey)> {
        self.keys.iter().map(|(digest, key)| (digest, &**key))
    }
}

/// A digest as the file writes it.
pub fn written(digest: &[u8; 32]) -> String {
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a file of keys, whose roles must be among `roles` when those are known.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(source: &Arc<SourceFile>, roles: Option<&[String]>) -> Result<Keyring, Diagnostics> {
    let (keys, found) = table::read(source, source.text(), 0, None, |root| {
        let item = root.take("key");
        root.finish();
        let Some(item) = item else { return Some(Vec::new()) };
        if item.is_table() {
            item.refuse(Code::WrongType, "is a list", Some("write `[[key]]`, once for each key"));
            return None;
        }
        let keys = item.array()?;
        let keys: Vec<_> = keys.iter().map(|item| read_one(&item.table()?, roles)).collect();
        keys.into_iter().collect::<Option<Vec<_>>>()
    });
    let (keys, mut found) = found.into_result(keys)?;
    let mut keyring = Keyring::default();
    let mut places: HashMap<[u8; 32], Range<usize>> = HashMap::new();
    for (digest, span, key) in keys {
        if let Some(first) = places.insert(digest, span.clone()) {
            let (line, _) = source.position(first.start);
            found.push(
                Diagnostic::error(Code::Conflict, "two keys have the same hash")
                    .at(source, span)
                    .note(format!("the other one stands in line {line}")),
            );
        }
        keyring.keys.insert(digest, Arc::new(key));
    }
    found.into_result(Some(keyring)).map(|(keyring, _)| keyring)
}

fn read_one(
    table: &Table<'_, '_>,
    roles: Option<&[String]>,
) -> Option<([u8; 32], Range<usize>, ApiKey)> {
    let name = table.require("name").and_then(|item| name(&item));
    let hash = table.require("hash");
    let digest = hash.as_ref().and_then(digest);
    let scopes = match table.take("scopes") {
        None => Some(Vec::new()),
        Some(item) => scopes(&item),
    };
    let moment = |key| match table.take(key) {
        None => Some(None),
        Some(item) => moment(&item).map(Some),
    };
    let (not_before, expires) = (moment("not_before"), moment("expires"));
    if let (Some(Some(begin)), Some(Some(end))) = (not_before, expires)
        && begin >= end
    {
        let message = "`expires` is not after `not_before`, so the key is never valid";
        table.report(Diagnostic::error(Code::Conflict, message), table.span());
    }
    let role = match table.take("role") {
        None => Some(None),
        Some(item) => role(&item, roles).map(Some),
    };
    let claims = match table.take("claims") {
        None => Some(Map::new()),
        Some(item) => match item.json() {
            Some(Value::Object(claims)) => Some(claims),
            Some(_) => {
                item.refuse(Code::WrongType, "takes a table", None);
                None
            }
            None => None,
        },
    };
    table.finish();
    let (name, scopes) = (name?, scopes?);
    let claims = said(&name, &scopes, claims?);
    let key = ApiKey {
        scopes,
        name,
        not_before: not_before?,
        expires: expires?,
        claims: claims.into(),
        role: role?,
    };
    Some((digest?, hash?.file_span(), key))
}

/// The claims of a key's holder: those of the file, and what a token would say besides.
fn said(name: &str, scopes: &[String], mut claims: Map<String, Value>) -> Map<String, Value> {
    claims.insert("iss".to_owned(), ISSUER.into());
    claims.entry("sub").or_insert_with(|| name.into());
    claims.entry("scope").or_insert_with(|| scopes.join(" ").into());
    claims
}

fn name(item: &Item<'_, '_>) -> Option<String> {
    let name = item.string()?;
    if !is_name(&name) {
        item.refuse(
            Code::InvalidValue,
            "is no name",
            Some("a name has 1 to 100 printable characters"),
        );
        return None;
    }
    Some(name)
}

/// Whether a key may have this name.
pub fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

fn digest(item: &Item<'_, '_>) -> Option<[u8; 32]> {
    let text = item.string()?;
    let read = |hex: &str| -> Option<[u8; 32]> {
        let mut digest = [0; 32];
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (index, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(index * 2..index * 2 + 2)?, 16).ok()?;
        }
        Some(digest)
    };
    let digest = text.strip_prefix("sha256:").and_then(read);
    if digest.is_none() {
        item.refuse(
            Code::InvalidValue,
            "is not `sha256:` and 64 hexadecimal digits",
            Some(
                "the file holds what is kept of a key, never the key itself; see `howdah key new`",
            ),
        );
    }
    digest
}

fn scopes(item: &Item<'_, '_>) -> Option<Vec<String>> {
    let items = item.array()?;
    let scopes = items.iter().map(|item| {
        let scope = item.string()?;
        if !is_scope(&scope) {
            item.refuse(Code::InvalidValue, "is no scope", None);
            return None;
        }
        Some(scope)
    });
    // Every item is read, so that every mistake is found.
    scopes.collect::<Vec<_>>().into_iter().collect()
}

fn moment(item: &Item<'_, '_>) -> Option<SystemTime> {
    let text = item.scalar("a moment such as 2027-01-01T00:00:00Z")?;
    let moment = humantime::parse_rfc3339(&text).ok();
    if moment.is_none() {
        item.refuse(
            Code::InvalidValue,
            "is no moment in UTC",
            Some("write it like 2027-01-01T00:00:00Z"),
        );
    }
    moment
}

fn role(item: &Item<'_, '_>, roles: Option<&[String]>) -> Option<String> {
    let role = item.string()?;
    if roles.is_some_and(|roles| !roles.contains(&role)) {
        let help = "add it to `roles` under `[auth]` of the manifest, or leave it out";
        item.refuse(Code::InvalidValue, "is none of `auth.roles`", Some(help));
        return None;
    }
    Some(role)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A digest, as the file writes it.
    fn hash() -> String {
        written(&std::array::from_fn(|at| u8::try_from(at).unwrap_or_default()))
    }

    fn of(text: &str) -> Result<Keyring, String> {
        let roles = ["app_user".to_owned()];
        read(&SourceFile::new("keys.toml", text), Some(&roles)).map_err(|it| it.render(false))
    }

    #[test]
    fn a_file_of_keys_is_read() {
        let hash = hash();
        let text = format!(
            "[[key]]\nname = \"import\"\nhash = \"{hash}\"\nscopes = [\"a\", \"b\"]\n\
             not_before = 2026-01-01T00:00:00Z\nexpires = \"2027-01-01T00:00:00Z\"\n\
             role = \"app_user\"\nclaims = {{ tenant = \"acme\" }}\n"
        );
        let keyring = of(&text).unwrap();
        let (digest, key) = keyring.iter().next().unwrap();
        assert_eq!(written(digest), hash);
        assert_eq!(
            (key.name.as_str(), key.scopes.len(), key.role.as_deref()),
            ("import", 2, Some("app_user"))
        );
        assert_eq!(key.claims.find("tenant"), Some(&"acme".into()));
        assert_eq!(key.claims.find("sub"), Some(&"import".into()));
        assert_eq!(key.claims.find("scope"), Some(&"a b".into()));
        assert!(of("").unwrap().is_empty());
    }

    #[test]
    fn every_mistake_in_it_is_told() {
        let hash = hash();
        let with = |line: &str| format!("[[key]]\nname = \"n\"\nhash = \"{hash}\"\n{line}\n");
        for (text, message) in [
            ("[key]\nname = \"n\"".to_owned(), "is a list"),
            ("[[key]]\nname = \"n\"".to_owned(), "`key[0].hash` is missing"),
            (format!("[[key]]\nname = \" \"\nhash = \"{hash}\""), "is no name"),
            ("[[key]]\nname = \"n\"\nhash = \"hdk_x\"".to_owned(), "never the key itself"),
            (with("scopes = [\"a b\"]"), "is no scope"),
            (with("expires = \"soon\""), "is no moment"),
            (with("expires = 2026-01-01"), "is no moment"),
            (with("role = \"postgres\""), "is none of `auth.roles`"),
            (with("claims = 1"), "takes a table"),
            (with("scope = []"), "did you mean `scopes`"),
            (
                with("not_before = 2027-01-01T00:00:00Z\nexpires = 2026-01-01T00:00:00Z"),
                "is never valid",
            ),
            (with("") + &with(""), "two keys have the same hash"),
        ] {
            let told = of(&text).unwrap_err();
            assert!(told.contains(message), "{text}\n{told}");
        }
    }
}
