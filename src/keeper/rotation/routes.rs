//! What operators ask of the rotation.

use super::{Rotations, Subject};
use crate::{
    http::{
        api::{Asked, Caller, Entry, handler, json},
        response::Answer,
    },
    problem::{ArgumentError, Code, Location, Problem},
    rotation::{Failure, Leave, Refused, status},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::{future::Future, rc::Rc};

/// What changes the rotation.
#[derive(Clone, Copy)]
enum Act {
    Rotate,
    Adopt,
    Back,
}

impl Act {
    /// What the trail calls the refusal of it.
    fn action(self) -> &'static str {
        match self {
            Self::Rotate => "rotation.rotate",
            Self::Adopt => "rotation.adopt",
            Self::Back => "rotation.back",
        }
    }
}

/// The routes.
pub(super) fn of(rotations: &Rc<Rotations>) -> Vec<Entry> {
    let leave = json!({ "type": "object", "properties": { "request": { "type": "string",
        "description": "The approved access request, where `credentials.approval` names a policy" } } });
    let post = |path, summary, act| Entry {
        method: Method::POST,
        path,
        summary,
        takes: matches!(act, Act::Rotate | Act::Adopt).then(|| leave.clone()),
        gives: (202, begun_schema()),
        open: false,
        handler: shared(rotations, move |rotations, asked| async move {
            change(&rotations, &asked, act).await
        }),
    };
    let get = |path, summary| Entry {
        method: Method::GET,
        path,
        summary,
        takes: None,
        gives: (200, status_schema()),
        open: false,
        handler: shared(rotations, |rotations, _| async move { show(&rotations).await }),
    };
    match rotations.opened.subject {
        Subject::Application => vec![
            get(
                "/credentials",
                "How the credential's rotation stands, and who has adopted which generation",
            ),
            post("/credentials/rotate", "Begin a new generation", Act::Rotate),
            post(
                "/credentials/adopt",
                "Take over an application that signs in with a password of its own",
                Act::Adopt,
            ),
            post(
                "/credentials/back",
                "Go back to the password before, under a higher generation, while its login still works",
                Act::Back,
            ),
        ],
        Subject::Keeper => vec![
            get("/credentials/keeper", "How the rotation of the keeper's own login stands"),
            post(
                "/credentials/keeper/rotate",
                "Begin a new generation of the keeper's own login",
                Act::Rotate,
            ),
            post(
                "/credentials/keeper/back",
                "Go back to the keeper's password before, while its login still works",
                Act::Back,
            ),
        ],
    }
}

fn shared<F, L>(rotations: &Rc<Rotations>, function: F) -> crate::http::api::Handler
where
    F: Fn(Rc<Rotations>, Asked) -> L + 'static,
    L: Future<Output = Result<Answer, Problem>> + 'static,
{
    let rotations = Rc::clone(rotations);
    handler(move |asked| function(Rc::clone(&rotations), asked))
}

/// Begins what an operator asks for. A refusal is in the trail, too.
async fn change(rotations: &Rotations, asked: &Asked, act: Act) -> Result<Answer, Problem> {
    let caller = asked.caller.as_ref().ok_or_else(|| Problem::new(Code::TokenInvalid))?;
    let outcome = permitted(rotations, caller, asked, act).await;
    if let Err(problem) = &outcome {
        rotations.tell_refusal(act.action(), caller.principal, problem.code()).await;
    }
    outcome
}

async fn permitted(
    rotations: &Rotations,
    caller: &Caller,
    asked: &Asked,
    act: Act,
) -> Result<Answer, Problem> {
    let Some(credentials) = &rotations.desk.config.credentials else {
        return Err(Problem::new(Code::NotFound));
    };
    let operators = &credentials.rotating.operators;
    if !caller.groups.iter().any(|group| operators.contains(group)) {
        let detail = format!("It takes one of these groups: {}.", operators.join(", "));
        return Err(Problem::new(Code::NotAnOperator).detail(detail));
    }
    let body = asked.json()?;
    let leave = leave(&credentials.rotating.approval, &body, caller.principal);
    let outcome = match act {
        Act::Rotate => rotations.begin(&caller.name, leave?, false).await,
        Act::Adopt => rotations.begin(&caller.name, leave?, true).await,
        // The way back undoes what was approved, and cannot wait.
        Act::Back => rotations.go_back(&caller.name).await,
    };
    begun(rotations, outcome)
}

/// The access request that the caller names, where one is needed.
fn leave<'a>(
    approval: &'a str,
    body: &'a Value,
    principal: i64,
) -> Result<Option<Leave<'a>>, Problem> {
    match (approval, body["request"].as_str()) {
        ("none", None) => Ok(None),
        ("none", Some(_)) => Err(Problem::arguments(vec![ArgumentError {
            location: Location::Body,
            parameter: "request".to_owned(),
            detail: "Rotations take no access request here.".to_owned(),
        }])),
        (policy, None) => {
            let detail =
                format!("It takes an approved access request under the policy `{policy}`.");
            Err(Problem::new(Code::NotApproved).detail(detail))
        }
        (policy, Some(request)) => Ok(Some(Leave { policy, request, principal })),
    }
}

async fn show(rotations: &Rotations) -> Result<Answer, Problem> {
    let away = |why: &str| Problem::new(Code::DatabaseUnavailable).detail(why.to_owned());
    let own = rotations.desk.sign_in().await.map_err(|it| away(it.message()))?;
    let rotation = rotations.opened.rotation(&own.credential);
    let rotation = rotation.map_err(|it| away(&it.to_string()))?;
    let status = status(rotation, &own.session).await;
    own.session.close().await;
    let status = status.map_err(|it| away(&it.to_string()))?;
    Ok(json(StatusCode::OK, &status.0))
}

/// 202 with the generation, or why there is none.
fn begun(rotations: &Rotations, outcome: Result<u64, Refused>) -> Result<Answer, Problem> {
    rotations.desk.leads()?;
    match outcome {
        Ok(generation) => Ok(json(StatusCode::ACCEPTED, &json!({ "generation": generation }))),
        Err(Refused::UnderWay(generation, phase)) => {
            let detail =
                format!("Generation {generation} is under way; its phase is `{}`.", phase.as_str());
            Err(Problem::new(Code::Conflict).detail(detail))
        }
        Err(Refused::Adoption(why)) => {
            Err(Problem::new(Code::Conflict).detail(format!("It does not begin: {why}.")))
        }
        Err(Refused::Failure(Failure::Leave(problem))) => Err(problem),
        Err(Refused::Failure(failure)) => {
            // Operators, who are trusted with the keeper's log, may know what the database says.
            Err(Problem::new(Code::Conflict).detail(format!("It does not begin: {failure}.")))
        }
    }
}

fn begun_schema() -> Value {
    json!({ "type": "object", "required": ["generation"],
        "properties": { "generation": { "type": "integer" } } })
}

fn status_schema() -> Value {
    let (text, number) = (json!({ "type": "string" }), json!({ "type": "integer" }));
    let maybe = json!({ "type": ["string", "null"] });
    let issue = json!({ "type": ["object", "null"],
        "properties": { "generation": number, "login": text } });
    json!({ "type": "object",
        "required": ["name", "phase", "highest", "current", "sessions", "steps"],
        "properties": {
            "name": text, "owner": text, "adopted": { "type": "boolean" }, "phase": text,
            "highest": number, "current": issue, "old": issue, "returns": { "type": "boolean" },
            "age_s": number, "phase_age_s": number, "due_at": maybe, "deadline": maybe,
            "reason": maybe, "trouble": { "type": ["object", "null"],
                "properties": { "what": text, "since": text } },
            "sinks": { "type": "array", "items": text },
            "sessions": { "type": "array", "items": { "type": "object" } },
            "steps": { "type": "array", "items": { "type": "object" } },
        } })
}
