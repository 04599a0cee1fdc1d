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

/// The function by which the keeper changes its own two logins: `(login, verifier)`, without a verifier
/// the login is disabled. The setup makes it.
pub const FUNCTION: &str = "howdah.keeper_login";

/// By which right logins are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// The keeper's own, over an application's logins.
    Keeper,
    /// That of the function [`FUNCTION`], over the keeper's own logins: it is a member's member, and
    /// PostgreSQL lets no role administer one that it is a role of (docs/decisions/0310).
    Function,
}

impl Hand {
    /// Lets `login` sign in with `password`.
    pub(super) fn enable(self, login: &str, password: &Secret) -> String {
        let verifier = literal(&verifier(password));
        match self {
            Self::Keeper => format!("ALTER ROLE {} LOGIN PASSWORD {verifier}", quote(login)),
            Self::Function => format!("SELECT {FUNCTION}({}, {verifier})", literal(login)),
        }
    }

    /// Keeps `login` from signing in, and takes its password away. Its sessions live on until they
    /// are ended.
    pub(super) fn disable(self, login: &str) -> String {
        match self {
            Self::Keeper => format!("ALTER ROLE {} NOLOGIN PASSWORD NULL", quote(login)),
            Self::Function => format!("SELECT {FUNCTION}({}, NULL)", literal(login)),
        }
    }

    /// Has `login` act as `owner` from its first statement; nothing where only a superuser can, for
    /// PostgreSQL sets no `role` within a function that runs with another's rights.
    pub(super) fn acts_as(self, login: &str, owner: &str) -> Option<String> {
        let sql = || format!("ALTER ROLE {} SET role = {}", quote(login), literal(owner));
        (self == Self::Keeper).then(sql)
    }
}

/// The role whose login this is, when its name says so.
pub fn owner_of(login: &str) -> Option<&str> {
    login.strip_suffix("_a").or_else(|| login.strip_suffix("_b")).filter(|it| !it.is_empty())
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
        let password = Secret::new("hunter2".to_owned());
        let sql = Hand::Keeper.enable("x\"; DROP ROLE y", &password);
        assert!(
            sql.starts_with("ALTER ROLE \"x\"\"; DROP ROLE y\" LOGIN PASSWORD 'SCRAM-SHA-256$")
        );
        assert!(!sql.contains("hunter2"));
        let sql = Hand::Function.enable("x'); DROP ROLE y", &password);
        assert!(sql.starts_with("SELECT howdah.keeper_login('x''); DROP ROLE y', 'SCRAM-SHA-256$"));
        assert!(!sql.contains("hunter2"));
    }
}
