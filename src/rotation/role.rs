//! The statements that change a login. They carry verifiers, never a password.

use crate::{credential::verifier, secret::Secret};

/// An identifier for SQL (PostgreSQL documentation, "Identifiers and Key Words").
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string for SQL, where `standard_conforming_strings` is on.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Lets `login` sign in with `password`.
pub(super) fn enable(login: &str, password: &Secret) -> String {
    format!("ALTER ROLE {} LOGIN PASSWORD {}", quote(login), literal(&verifier(password)))
}

/// Keeps `login` from signing in, and takes its password away. Its sessions live on until they are
/// ended.
pub(super) fn disable(login: &str) -> String {
    format!("ALTER ROLE {} NOLOGIN PASSWORD NULL", quote(login))
}

/// Has `login` act as `owner` from its first statement.
pub(super) fn acts_as(login: &str, owner: &str) -> String {
    format!("ALTER ROLE {} SET role = {}", quote(login), literal(owner))
}

/// The two logins of `owner`: they take turns.
pub fn logins_of(owner: &str) -> [String; 2] {
    [format!("{owner}_a"), format!("{owner}_b")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_strings_are_quoted() {
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("a'b\\"), "'a''b\\'");
        let sql = enable("x\"; DROP ROLE y", &Secret::new("hunter2".to_owned()));
        assert!(
            sql.starts_with("ALTER ROLE \"x\"\"; DROP ROLE y\" LOGIN PASSWORD 'SCRAM-SHA-256$")
        );
        assert!(!sql.contains("hunter2"));
    }
}
