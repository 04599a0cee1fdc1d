//! What is wrong with a body of rows.

use crate::name;

/// The most faults that are told of one body.
pub const MAX_FAULTS: usize = 10;
/// The most characters of a name that nothing knows that are shown.
const SHOWN: usize = 64;

/// What is wrong with one field or record. It names places and rules, never values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line of the body on which the record begins; the first is 1.
    pub line: u64,
    /// Which record it is; the first is 1. CSV's header is none.
    pub row: Option<u64>,
    /// The field's name, where it is one field.
    pub field: Option<String>,
    /// What is wrong.
    pub detail: String,
}

/// The first faults of a body.
#[derive(Default)]
pub(super) struct Faults {
    all: Vec<Fault>,
    closed: bool,
}

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        if !self.is_full() {
            self.all.push(fault);
        }
    }

    pub(super) fn all(&self) -> &[Fault] {
        &self.all
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes no more.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn is_full(&self) -> bool {
        self.closed || self.all.len() >= MAX_FAULTS
    }
}

/// As much of a caller's own name as goes back to them.
pub(super) fn shown(name: &str) -> String {
    let name: String =
        name.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect();
    match name.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}…", &name[..cut]),
        None => name,
    }
}

/// What to say of a name that is none of `known`.
pub(super) fn unknown<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    match name::nearest(name, known) {
        Some(near) => format!("there is no column `{name}`; did you mean `{near}`?"),
        None => format!("there is no column `{name}`"),
    }
}
