//! A value that cannot be printed.
//!
//! Owns the only types that may hold a password, a key or a token. They have no `Debug`, no `Display`
//! and no `Serialize`, so they cannot reach a log, an error or a page by accident; their memory is
//! overwritten when they are dropped. Does not own where secrets come from (`credential`).

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

/// A secret of any bytes, such as the content of a file that was sealed.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes `bytes` into custody.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The secret itself, for the one call that needs it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}
