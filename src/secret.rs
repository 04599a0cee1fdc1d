//! A value that cannot be printed.
//!
//! Owns the only type that may hold a password, a key or a token. It has no `Debug`, no `Display`
//! and no `Serialize`, so it cannot reach a log, an error or a page by accident; its memory is
//! overwritten when it is dropped. Does not own where secrets come from (`credential`).

use zeroize::Zeroizing;

/// A secret text. Reading it takes a word that a reviewer can search for: [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes `text` into custody.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
