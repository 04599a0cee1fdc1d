//! As whom a statement runs.

use std::fmt;

/// The longest name of a role, in bytes (PostgreSQL's `NAMEDATALEN` less one).
const LONGEST_ROLE: usize = 63;
/// The name that `SET ROLE` has for the role that signed in.
const NO_ROLE: &str = "none";

/// The role and the claims that a statement runs with, for row-level security: the database's
/// `current_user`, and `current_setting('request.jwt.claims')`.
///
/// It holds for one statement: a lane sets both in the statement's own transaction.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    role: Option<Box<str>>,
    claims: Box<str>,
}

/// Why a role and claims are no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidIdentity {
    /// No role can have the name.
    Role,
    /// The claims hold a NUL byte, which no text of PostgreSQL can.
    Claims,
}

impl fmt::Display for InvalidIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Role => "no database role can have this name",
            Self::Claims => "the claims hold a NUL byte",
        })
    }
}

impl std::error::Error for InvalidIdentity {}

impl Identity {
    /// An identity. Without a `role` the statement runs as the role that signed in; `claims` is JSON
    /// as text.
    ///
    /// # Errors
    /// When the two can be none. `none` is refused: PostgreSQL takes it for the role that signed in,
    /// and a caller who could say it would be that role.
    pub fn new(role: Option<&str>, claims: &str) -> Result<Self, InvalidIdentity> {
        let fits = |role: &str| {
            (1..=LONGEST_ROLE).contains(&role.len()) && role != NO_ROLE && !role.contains('\0')
        };
        if role.is_some_and(|role| !fits(role)) {
            return Err(InvalidIdentity::Role);
        }
        if claims.contains('\0') {
            return Err(InvalidIdentity::Claims);
        }
        Ok(Self { role: role.map(Into::into), claims: claims.into() })
    }

    /// What `role` is set to.
    pub fn role(&self) -> &str {
        self.role.as_deref().unwrap_or(NO_ROLE)
    }

    /// What `request.jwt.claims` is set to.
    pub fn claims(&self) -> &str {
        &self.claims
    }
}

/// Claims are personal data: the role alone is shown.
impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").field("role", &self.role()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    #[test]
    fn what_no_role_or_claims_can_be_is_refused() {
        let long = "x".repeat(64);
        for bad in ["", "none", "a\0b", &long] {
            assert_eq!(Identity::new(Some(bad), "{}"), Err(InvalidIdentity::Role), "{bad:?}");
        }
        assert_eq!(Identity::new(None, "a\0b"), Err(InvalidIdentity::Claims));
        let reader = Identity::new(Some("reader"), r#"{"sub":"42"}"#).unwrap();
        assert_eq!((reader.role(), reader.claims()), ("reader", r#"{"sub":"42"}"#));
        assert_eq!(Identity::new(None, "{}").unwrap().role(), "none");
        assert!(!format!("{reader:?}").contains("42"));
    }
}
