//! What PostgreSQL says when it refuses.

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorFields;

/// An `ErrorResponse` (PostgreSQL documentation, "Error and Notice Message Fields"). Its texts are
/// for the log and the author; none of them may reach a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// `ERROR`, `FATAL` or `PANIC`, not translated.
    pub severity: String,
    /// The five-character SQLSTATE.
    pub sqlstate: String,
    /// The server's message.
    pub message: String,
    /// The server's hint.
    pub hint: Option<String>,
    /// Where in the statement, in characters from 1.
    pub position: Option<u32>,
}

impl Refusal {
    /// Reads the fields of an `ErrorResponse`; fields that cannot be read stay empty.
    pub fn from_fields(mut fields: ErrorFields<'_>) -> Self {
        let mut refusal = Self::default();
        while let Ok(Some(field)) = fields.next() {
            let text = || String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'V' => refusal.severity = text(),
                b'C' => refusal.sqlstate = text(),
                b'M' => refusal.message = text(),
                b'H' => refusal.hint = Some(text()),
                b'P' => refusal.position = text().parse().ok(),
                _ => {}
            }
        }
        refusal
    }

    /// The class of the SQLSTATE, its first two characters.
    pub fn class(&self) -> &str {
        self.sqlstate.get(..2).unwrap_or_default()
    }
}
