//! The published table from SQLSTATE to problem.

use super::{Code, Problem};

/// Who is to blame when PostgreSQL refuses a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// A read: values come from arguments alone.
    Read,
    /// A write: values may also break a rule of the table.
    Write,
}

impl Problem {
    /// The problem for a SQLSTATE (PostgreSQL documentation, appendix A): nothing of the server's
    /// message is in it. `docs/errors.md` publishes the table.
    pub fn from_sqlstate(sqlstate: &str, statement: Statement) -> Self {
        let code = match (sqlstate, sqlstate.get(..2).unwrap_or_default()) {
            ("23505" | "23503" | "23P01", _) => Code::Conflict,
            ("23502" | "23514", _) => Code::Unprocessable,
            (_, "22") => match statement {
                Statement::Read => Code::ArgumentRefused,
                Statement::Write => Code::Unprocessable,
            },
            ("42501", _) => Code::Forbidden,
            ("57014", _) => Code::DeadlineExceeded,
            ("40001" | "40P01", _) => Code::Collision,
            ("57P01" | "57P02" | "57P03" | "57P05", _) | (_, "08" | "53") => {
                Code::DatabaseUnavailable
            }
            _ => Code::Internal,
        };
        Self::new(code)
    }
}

/// The rows of the published table: SQLSTATE or class, for reads, for writes.
pub const TABLE: &[(&str, Code, Code)] = &[
    ("23505", Code::Conflict, Code::Conflict),
    ("23503", Code::Conflict, Code::Conflict),
    ("23P01", Code::Conflict, Code::Conflict),
    ("23502", Code::Unprocessable, Code::Unprocessable),
    ("23514", Code::Unprocessable, Code::Unprocessable),
    ("22xxx", Code::ArgumentRefused, Code::Unprocessable),
    ("42501", Code::Forbidden, Code::Forbidden),
    ("57014", Code::DeadlineExceeded, Code::DeadlineExceeded),
    ("40001", Code::Collision, Code::Collision),
    ("40P01", Code::Collision, Code::Collision),
    ("53xxx", Code::DatabaseUnavailable, Code::DatabaseUnavailable),
    ("57P01", Code::DatabaseUnavailable, Code::DatabaseUnavailable),
    ("57P02", Code::DatabaseUnavailable, Code::DatabaseUnavailable),
    ("57P03", Code::DatabaseUnavailable, Code::DatabaseUnavailable),
    ("57P05", Code::DatabaseUnavailable, Code::DatabaseUnavailable),
    ("08xxx", Code::DatabaseUnavailable, Code::DatabaseUnavailable),
    ("other", Code::Internal, Code::Internal),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_table_is_what_happens() {
        for (sqlstate, read, write) in TABLE {
            let example = match *sqlstate {
                "other" => "XX000".to_owned(),
                class => class.replace('x', "0"),
            };
            assert_eq!(
                Problem::from_sqlstate(&example, Statement::Read).code(),
                *read,
                "{sqlstate}"
            );
            assert_eq!(
                Problem::from_sqlstate(&example, Statement::Write).code(),
                *write,
                "{sqlstate}"
            );
        }
    }
}
