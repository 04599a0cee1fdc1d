//! The place of a value that is being read, whatever its type.

use super::kind::Kind;

/// A kind, and the place of its value. What reading does whatever the value's type is sees it as a
/// [`Fill`], and is compiled once: the copies for each type were 200 KB.
pub(super) struct Slot<'k, V> {
    pub(super) kind: &'k dyn Kind<Value = V>,
    pub(super) value: Option<V>,
}

/// What can be filled with the value of a text. Its methods are those of [`Kind`].
pub(super) trait Fill {
    fn wanted(&self) -> String;
    fn takes_bare(&self) -> bool;
    fn is_list(&self) -> bool;
    fn is_secret(&self) -> bool;
    /// Parses the text and keeps its value.
    fn fill(&mut self, text: &str) -> Result<(), String>;
}

impl<V> Fill for Slot<'_, V> {
    fn wanted(&self) -> String {
        self.kind.wanted()
    }
    fn takes_bare(&self) -> bool {
        self.kind.takes_bare()
    }
    fn is_list(&self) -> bool {
        self.kind.is_list()
    }
    fn is_secret(&self) -> bool {
        self.kind.is_secret()
    }
    fn fill(&mut self, text: &str) -> Result<(), String> {
        self.value = Some(self.kind.parse(text)?);
        Ok(())
    }
}
