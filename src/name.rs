//! Names: what a name may look like, and which known name is nearest to a mistyped one.
//!
//! Owns the shapes of identifiers that a person writes. Does not own what they refer to.

use std::fmt;

/// The longest identifier PostgreSQL keeps (`NAMEDATALEN` − 1), in bytes. Parameters follow it.
pub const MAX_IDENTIFIER_BYTES: usize = 63;

/// An identifier: a letter or underscore, then letters, digits and underscores, at most 63 bytes.
/// Parameters and lanes are named so.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(Box<str>);

impl Identifier {
    /// The identifier that `text` spells, or why it spells none, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut bytes = text.bytes();
        match bytes.next() {
            None => return Err("is empty"),
            Some(first) if !(first.is_ascii_alphabetic() || first == b'_') => {
                return Err("does not begin with a letter or an underscore");
            }
            Some(_) => {}
        }
        if !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err("has a character other than letters, digits and underscores");
        }
        if text.len() > MAX_IDENTIFIER_BYTES {
            return Err("is longer than 63 characters");
        }
        Ok(Self(text.into()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.0)
    }
}

impl std::borrow::Borrow<str> for Identifier {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The known name most like `word`, when one is near enough to be what was meant: a third of the
/// word's letters may differ (Damerau-Levenshtein), one at least; capitals make no difference where nothing
/// else does.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let limit = (length / 3).max(1);
    known
        .into_iter()
        // No two words are nearer to each other than their lengths are.
        .filter(|name| name.chars().count().abs_diff(length) <= limit)
        .map(|name| {
            let same = word.eq_ignore_ascii_case(name);
            (if same { 0 } else { strsim::damerau_levenshtein(word, name) }, name)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_follow_the_rule() {
        for good in ["a", "_", "date_from", "A9", &"x".repeat(63)] {
            assert!(Identifier::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "9a", "a-b", "é", "a b", &"x".repeat(64)] {
            assert!(Identifier::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["host", "port", "password_file"];
        assert_eq!(nearest("pasword_file", known), Some("password_file"));
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("connections", known), None);
        assert_eq!(nearest("Password_File", known), Some("password_file"));
    }
}
