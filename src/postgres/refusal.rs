//! What PostgreSQL says when it refuses.

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorFields;

/// How a pooler refuses a session's settings (PgBouncer's `ignore_startup_parameters`).
pub(super) const POOLER_SAYS: &str = "unsupported startup parameter";

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
    /// Where in the data of a COPY.
    pub place: Option<Box<Place>>,
}

/// A place in the data of a COPY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row; the first is 1.
    pub row: u64,
    /// The column, where it is one.
    pub column: Option<String>,
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
                b'W' => refusal.place = Place::read(&text()).map(Box::new),
                b'P' => refusal.position = text().parse().ok(),
                _ => {}
            }
        }
        refusal
    }

    /// Whether the server ends the session with it.
    pub fn ends_session(&self) -> bool {
        ["FATAL", "PANIC"].contains(&self.severity.as_str())
    }

    /// The class of the SQLSTATE, its first two characters.
    pub fn class(&self) -> &str {
        self.sqlstate.get(..2).unwrap_or_default()
    }
}

impl Place {
    /// The row and the column that an error's context names: `COPY prices, line 17, column price: "x"`
    /// (PostgreSQL's `CopyFromErrorCallback`; its lines are the rows that were sent). Names of tables
    /// may hold anything, so the numbers are looked for from behind.
    fn read(context: &str) -> Option<Self> {
        let line = context.lines().find(|line| line.starts_with("COPY "))?;
        let at = line.find(", line ")?;
        let rest = line.get(at + ", line ".len()..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let row = rest.get(..digits)?.parse().ok()?;
        let column = rest.get(digits..)?.strip_prefix(", column ");
        // What follows the name is the value, which stays here.
        let column = column.map(|column| column.split(':').next().unwrap_or_default().to_owned());
        Some(Self { row, column })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_read_and_the_value_is_not() {
        let column = |name: &str| Some(name.to_owned());
        for (context, expected) in [
            ("COPY prices, line 17, column price: \"secret\"", Some((17, column("price")))),
            ("COPY prices, line 17: \"secret\tsecret\"", Some((17, None))),
            ("COPY prices, line 3", Some((3, None))),
            ("SQL function \"f\"\nCOPY t, line 2, column a", Some((2, column("a")))),
            ("COPY prices", None),
            ("PL/pgSQL function f()", None),
            ("", None),
        ] {
            assert_eq!(Place::read(context).map(|it| (it.row, it.column)), expected, "{context}");
        }
    }
}
