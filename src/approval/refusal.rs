//! Why an access request was refused, in the words of the database's functions, as a problem.

use crate::problem::{Code, Problem};

/// The problem of a refusal's code.
pub fn problem(code: &str) -> Problem {
    match CODES.iter().find(|it| it.slug() == code) {
        Some(code) => Problem::new(*code),
        None => Problem::new(Code::Internal),
    }
}

/// What the functions refuse with.
pub const CODES: &[Code] = &[
    Code::TokenInvalid,
    Code::TokenEnded,
    Code::PolicyUnknown,
    Code::RequestUnknown,
    Code::WrongAction,
    Code::SelfApproval,
    Code::NotAnApprover,
    Code::NotEligible,
    Code::NotYours,
    Code::ReviewDue,
    Code::NoBreakGlass,
    Code::RequestLapsed,
    Code::RequestEdited,
    Code::WrongState,
    Code::PolicyChanged,
    Code::AlreadyDecided,
    Code::AlreadyActive,
    Code::NotApproved,
    Code::ApproverNotEligible,
    Code::TooManyPending,
    Code::DurationTooLong,
    Code::RoleUnknown,
    Code::RoleTooPowerful,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_refusal_of_the_functions_has_its_problem() {
        let sql: String = crate::approval::MIGRATIONS.iter().map(|(_, text)| *text).collect();
        let known: BTreeSet<&str> = CODES.iter().map(|code| code.slug()).collect();
        // A refusal is written `THEN 'code'`, or as the last argument of access_refuse.
        let told =
            sql.split("THEN '").skip(1).chain(sql.split("access_refuse(").skip(1).filter_map(
                |call| call.split(");").next()?.rsplit_once(", '").map(|(_, code)| code),
            ));
        let told: BTreeSet<&str> = told
            .filter_map(|it| it.split('\'').next())
            .filter(|it| {
                it.contains('-') && it.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase())
            })
            .collect();
        assert_eq!(told, known);
    }
}
