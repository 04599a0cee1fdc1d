//! What became of a load: what went in, or why nothing did.

use crate::{
    decode::{Decoder, Fault},
    definition::file::copy::OnConflict,
    encode::Medium,
    endpoint::bulk::Bulk,
    lane::Failure,
    problem::{Code, Problem, RowError, sqlstate::Statement},
    service::{self, Kept, NotMade},
};
use std::fmt::Write;

/// What went in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Rows of the body.
    pub rows: u64,
    /// Rows that are new in the table. A partitioned table does not tell them from replaced ones, and
    /// with `replace` all of its rows count as those.
    pub inserted: u64,
    /// Rows that were left out, for their key was there.
    pub skipped: Option<u64>,
    /// Rows that took the place of others.
    pub replaced: Option<u64>,
    /// Rows whose key a later one of the body has too, which took their place.
    pub superseded: Option<u64>,
}

impl Loaded {
    /// Of `rows` in the body, `written` went in, and `new` of them had no older one.
    pub(super) fn new(bulk: &Bulk, rows: u64, written: u64, new: u64) -> Self {
        let rest = rows.saturating_sub(written);
        let replaces = bulk.copy.on_conflict == OnConflict::Replace;
        Self {
            rows,
            inserted: new,
            skipped: (bulk.copy.on_conflict == OnConflict::Skip).then_some(rest),
            replaced: replaces.then_some(written.saturating_sub(new)),
            superseded: replaces.then_some(rest),
        }
    }

    /// The answer.
    pub(super) fn to_answer(self) -> Kept {
        Kept {
            status: 200,
            media_type: Medium::Json.content_type().to_owned(),
            rows: self.rows,
            body: self.to_json().into(),
        }
    }

    /// The answer's body.
    pub fn to_json(&self) -> String {
        let mut text = format!("{{\"rows\":{},\"inserted\":{}", self.rows, self.inserted);
        let further = [
            ("skipped", self.skipped),
            ("replaced", self.replaced),
            ("superseded", self.superseded),
        ];
        for (name, count) in further {
            if let Some(count) = count {
                // Writing into a String does not fail.
                let _ = write!(text, ",\"{name}\":{count}");
            }
        }
        text.push('}');
        text
    }
}

/// Why nothing was loaded.
#[derive(Debug)]
pub enum NotLoaded {
    /// The body did not come to its end.
    Body(Problem),
    /// Rows are wrong.
    Faults(Vec<Fault>),
    /// There are more rows than the endpoint takes.
    TooManyRows,
    /// The request has a key that is taken.
    Key(NotMade),
    /// The database did not take them; with the row, where it said which.
    Refused(Failure, Option<RowError>),
}

impl From<Problem> for NotLoaded {
    fn from(problem: Problem) -> Self {
        Self::Body(problem)
    }
}

impl From<NotMade> for NotLoaded {
    fn from(not_made: NotMade) -> Self {
        match not_made {
            NotMade::Failed { failure, .. } => Self::Refused(failure, None),
            taken => Self::Key(taken),
        }
    }
}

impl From<Failure> for NotLoaded {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure, None)
    }
}

impl NotLoaded {
    /// The database did not take the rows that `decoder` read.
    pub(super) fn refused(failure: Failure, decoder: &Decoder) -> Self {
        let Failure::Refused(refusal) = &failure else { return Self::Refused(failure, None) };
        let Some(place) = refusal.place.as_deref() else { return Self::Refused(failure, None) };
        if matches!(&*refusal.sqlstate, "08P01" | "22P03") {
            // The value has the form that its column's type had: it has another one by now.
            return Self::Refused(Failure::ShapeChanged, None);
        }
        let row = RowError {
            line: decoder.line_of(place.row),
            row: Some(place.row),
            detail: told(&refusal.sqlstate, place.column.as_deref()),
            field: place.column.clone(),
        };
        Self::Refused(failure, Some(row))
    }

    /// What the log says of it that the caller is not told.
    pub fn log_reason(&self) -> Option<&str> {
        match self {
            Self::Refused(failure, _) => service::log_reason(failure),
            Self::Key(not_made) => not_made.log_reason(),
            _ => None,
        }
    }

    /// The problem for the caller.
    pub fn problem(&self, bulk: &Bulk) -> Problem {
        match self {
            Self::Body(problem) => problem.clone(),
            Self::Key(not_made) => not_made.problem(Statement::Write, u64::MAX),
            Self::Faults(faults) => {
                let rows = faults.iter().map(|fault| RowError {
                    line: Some(fault.line),
                    row: fault.row,
                    field: fault.field.clone(),
                    detail: fault.detail.clone(),
                });
                Problem::rows(Code::InvalidRows, rows.collect())
            }
            Self::TooManyRows => Problem::new(Code::BodyTooLarge)
                .detail(format!("The endpoint takes up to {} rows at once.", bulk.copy.max_rows)),
            Self::Refused(failure, row) => {
                let problem = service::problem(failure, Statement::Write, u64::MAX);
                match row {
                    Some(row) => problem.with_row(row.clone()),
                    None => problem,
                }
            }
        }
    }
}

/// What is wrong with the row, as far as the SQLSTATE says it.
fn told(sqlstate: &str, field: Option<&str>) -> String {
    let what = match sqlstate {
        "23505" | "23P01" => "its key exists already",
        "23503" => "it refers to something that does not exist",
        "23502" => "a value must not be null",
        "23514" => "it breaks a rule of the table",
        "22001" => "a value is too long",
        "22003" => "a number is out of range",
        code if code.starts_with("22") => "a value is none of its column",
        _ => "the database refuses it",
    };
    match field {
        Some(field) => format!("`{field}`: {what}"),
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decode::{Columns, Format},
        postgres::refusal::{Place, Refusal},
    };
    use std::sync::Arc;

    #[test]
    fn the_answer_counts() {
        let loaded =
            Loaded { rows: 3, inserted: 1, skipped: Some(2), replaced: None, superseded: None };
        assert_eq!(loaded.to_json(), r#"{"rows":3,"inserted":1,"skipped":2}"#);
    }

    #[test]
    fn a_value_of_another_form_is_told_from_a_pooler_that_gives_up() {
        let decoder = Decoder::new(Format::Ndjson, Arc::new(Columns::new(Vec::new())), 1, 1);
        let refused = |place: Option<Place>| {
            let place = place.map(Box::new);
            let refusal = Refusal { sqlstate: "08P01".into(), place, ..Refusal::default() };
            match NotLoaded::refused(Failure::Refused(refusal), &decoder) {
                NotLoaded::Refused(failure, None) => failure,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(Some(Place { row: 1, column: None })), Failure::ShapeChanged);
        assert!(matches!(refused(None), Failure::Refused(_)));
    }
}
