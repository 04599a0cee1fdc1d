//! What is answered without SQL.

use super::response::{self, Answer};
use crate::{
    access::Permit,
    builtin::{calculate, ping, reply},
    problem::{Code, Problem},
    service::{Action, Entry, Serving},
    value::Argument,
};
use http::StatusCode;
use std::borrow::Cow;

/// Permit → Answer; why a tool failed, where the caller is not told, goes to `failed`.
pub(super) async fn run(
    serving: &Serving,
    permit: Permit,
    entry: &Entry,
    arguments: &[Argument],
    failed: &mut Option<String>,
) -> Result<Answer, Problem> {
    let argument = |name: &str| -> Option<Cow<'_, str>> {
        let index = entry.parameters().iter().position(|it| it.parameter.name.as_str() == name)?;
        let typed = &entry.parameters()[index];
        arguments[index].to_text(&typed.ty).map(Cow::Owned)
    };
    let render = |body: &reply::Prepared, status: StatusCode| {
        let lookup = |name: &str| argument(name).or_else(|| serving.facts.word(name));
        let bytes = body.render(lookup);
        Answer { status, ..Answer::ok(body.content_type(), bytes) }
    };
    match &entry.action {
        Action::Reply { status, body } => {
            Ok(render(body, StatusCode::from_u16(*status).unwrap_or(StatusCode::OK)))
        }
        Action::Probe { up, down } => Ok(if serving.probe(permit).await {
            render(up, StatusCode::OK)
        } else {
            render(down, StatusCode::SERVICE_UNAVAILABLE)
        }),
        Action::Ping { allow } => {
            let address = argument(ping::PARAMETER).unwrap_or_default();
            let summary = ping::ping(&address, allow, ping::TIMEOUT).await;
            summary.map(|text| Answer::ok(response::TEXT, text)).map_err(|failure| {
                *failed = failure.log;
                failure.problem
            })
        }
        Action::Calculate => {
            let expression = argument("expr").unwrap_or_default();
            calculate::evaluate(&expression).map(|value| Answer::ok(response::TEXT, value))
        }
        Action::Info => Ok(Answer::ok(response::JSON, serving.facts.to_json().to_string())),
        Action::Endpoint(_) | Action::Bulk(_) | Action::Pending(_) => {
            Err(Problem::new(Code::Internal))
        }
    }
}
