//! From a lane's failure to the caller's problem: the one place where the two are matched.

use crate::{
    lane::{Failure, Stop},
    problem::{Code, Problem, sqlstate::Statement},
};

/// The problem that a caller gets for `failure`. Nothing of what PostgreSQL said is in it.
pub fn problem(failure: &Failure, statement: Statement, max_rows: u64) -> Problem {
    match failure {
        Failure::Unavailable => Problem::new(Code::DatabaseUnavailable),
        Failure::QueueFull => Problem::new(Code::Overloaded),
        Failure::QueuedTooLong => Problem::new(Code::Overloaded)
            .detail("The request waited for a connection until its deadline."),
        Failure::Deadline => Problem::new(Code::DeadlineExceeded),
        Failure::Identity(_) => Problem::new(Code::Forbidden)
            .detail("The database does not let the caller's role run anything."),
        Failure::Refused(refusal) => Problem::from_sqlstate(&refusal.sqlstate, statement),
        Failure::OutcomeUnknown => Problem::new(Code::OutcomeUnknown).detail(
            "The change was sent, and whether it was made is not known. Look before you try again.",
        ),
        Failure::ShapeChanged => Problem::new(Code::DefinitionChanged),
        Failure::Stopped(Stop::TooMany) if max_rows == 1 => {
            // More than one row for one thing is the author's mistake, not the caller's.
            Problem::new(Code::Internal)
        }
        Failure::Stopped(Stop::TooMany) => Problem::new(Code::TooManyRows)
            .detail(format!("The answer has more than {max_rows} rows; ask for less at once.")),
        Failure::Stopped(Stop::TooLarge) => Problem::new(Code::TooManyRows)
            .detail("The answer is larger than the service gives; ask for less at once."),
        Failure::Stopped(Stop::Malformed | Stop::NoCursor) => Problem::new(Code::Internal),
        Failure::Closing => Problem::new(Code::ShuttingDown),
    }
}

/// What the log says about a failure that the caller is not told of: a word and, where PostgreSQL
/// refused, its SQLSTATE.
pub fn log_reason(failure: &Failure) -> Option<&str> {
    match failure {
        Failure::Refused(refusal) => Some(&refusal.sqlstate),
        Failure::Identity(_) => Some("role-refused"),
        Failure::ShapeChanged => Some("shape-changed"),
        Failure::Stopped(Stop::Malformed) => Some("malformed-row"),
        Failure::Stopped(Stop::TooMany) => Some("too-many-rows"),
        Failure::Stopped(Stop::NoCursor) => Some("page-keys"),
        Failure::OutcomeUnknown => Some("outcome-unknown"),
        _ => None,
    }
}
