//! The routes of access requests.

use super::{cursor::Cursors, enter, problem};
use crate::{
    approval::store::{self, Ask, Filter},
    audit::tree::from_hex,
    http::{
        api::{Asked, Entry, handler, json},
        response::Answer,
    },
    keeper::Desk,
    problem::{ArgumentError, Code, Location, Problem},
    sealed,
    secret::SecretBytes,
};
use http::{Method, StatusCode};
use serde_json::{Value, json as object};
use std::{rc::Rc, time::Duration};
use zeroize::Zeroizing;

/// What is done with one request.
#[derive(Clone, Copy)]
enum Act {
    Show,
    Approve,
    Deny,
    Withdraw,
    Revoke,
    Review,
    Edit,
    Activate,
}

impl Act {
    /// What the trail calls the refusal of it.
    fn action(self) -> &'static str {
        match self {
            Self::Show => "request.shown",
            Self::Approve => "request.approve",
            Self::Deny => "request.deny",
            Self::Withdraw => "request.withdrawn",
            Self::Revoke => "grant.revoked",
            Self::Review => "request.reviewed",
            Self::Edit => "request.edited",
            Self::Activate => "grant.activating",
        }
    }
}

/// What the database's functions do not see, or undo with what they wrote, and so have not told: a forged
/// cursor, a number that is none, a body that is none, a wrong argument.
const UNSEEN: [Code; 5] = [
    Code::CursorInvalid,
    Code::InvalidArguments,
    Code::MalformedBody,
    Code::RequestNumberInvalid,
    Code::Unprocessable,
];

/// Tells the trail of a refusal that is [`UNSEEN`], and of all where nothing but reading was asked for.
async fn told(
    desk: &Desk,
    asked: &Asked,
    action: &str,
    outcome: Result<Answer, Problem>,
) -> Result<Answer, Problem> {
    let Err(problem) = &outcome else { return outcome };
    let reads = problem.code() == Code::RequestUnknown && action == Act::Show.action();
    let is_unseen = reads || UNSEEN.contains(&problem.code());
    if let Some(caller) = asked.caller.as_ref().filter(|_| is_unseen) {
        let away = |_| Problem::new(Code::DatabaseUnavailable);
        let session = desk.connect().await.map_err(|_| Problem::new(Code::DatabaseUnavailable))?;
        let subject = asked.segments.get("id").map_or("requests", String::as_str);
        let subject: String = subject.chars().filter(|it| !it.is_control()).take(64).collect();
        let (who, code) = (caller.principal, problem.code());
        let written = store::tell_refusal(&session, action, who, &subject, code).await;
        session.close().await;
        written.map_err(away)?;
    }
    outcome
}

/// Every route.
pub(super) fn all(desk: &Rc<Desk>, cursors: &Rc<Cursors>) -> Vec<Entry> {
    let shown = || object!({ "type": "object", "description": "The request as it stands" });
    let asked = object!({ "type": "object", "required": ["policy", "for", "reason"], "properties": {
        "policy": { "type": "string" }, "for": { "type": "string", "examples": ["1h"] },
        "reason": { "type": "string" }, "age_recipient": { "type": "string" },
        "break_glass": { "type": "boolean" } } });
    let page = object!({ "type": "object", "required": ["requests"], "properties": {
        "requests": { "type": "array", "items": shown() }, "next": { "type": "string" } } });
    let digest = object!({ "type": "object", "required": ["digest"], "properties": {
        "digest": { "type": "string", "description": "Of the request that was read" } } });
    let edit = object!({ "type": "object", "required": ["for", "reason"], "properties": {
        "for": { "type": "string" }, "reason": { "type": "string" } } });
    let login = object!({ "type": "object", "required": ["login", "not_after"], "properties": {
        "login": { "type": "string" }, "not_after": { "type": "string" },
        "password": { "type": "string" }, "sealed_password": { "type": "string" } } });
    let (making, listing) = (Rc::clone(desk), Rc::clone(desk));
    let cursors = Rc::clone(cursors);
    let mut entries = vec![
        Entry {
            method: Method::POST,
            path: "/access/requests",
            summary: "Ask for access",
            takes: Some(asked),
            gives: (201, shown()),
            open: false,
            handler: handler(move |asked| {
                let desk = Rc::clone(&making);
                async move { told(&desk, &asked, "request.made", make(&desk, &asked).await).await }
            }),
        },
        Entry {
            method: Method::GET,
            path: "/access/requests",
            summary: "Requests, the newest first: `state`, `mine=true`, `cursor`",
            takes: None,
            gives: (200, page),
            open: false,
            handler: handler(move |asked| {
                let (desk, cursors) = (Rc::clone(&listing), Rc::clone(&cursors));
                async move {
                    let outcome = list(&desk, &cursors, &asked).await;
                    told(&desk, &asked, "request.listed", outcome).await
                }
            }),
        },
    ];
    let mut on_one = |method, path, summary, takes, gives, act: Act| {
        let desk = Rc::clone(desk);
        entries.push(Entry {
            method,
            path,
            summary,
            takes,
            gives: (200, gives),
            open: false,
            handler: handler(move |asked| {
                let desk = Rc::clone(&desk);
                async move { told(&desk, &asked, act.action(), on(&desk, &asked, act).await).await }
            }),
        });
    };
    let post = || Method::POST;
    on_one(Method::GET, "/access/requests/{id}", "One request", None, shown(), Act::Show);
    on_one(
        post(),
        "/access/requests/{id}/approve",
        "Approve",
        Some(digest.clone()),
        shown(),
        Act::Approve,
    );
    on_one(post(), "/access/requests/{id}/deny", "Deny", Some(digest), shown(), Act::Deny);
    on_one(
        post(),
        "/access/requests/{id}/withdraw",
        "Take an own request back",
        None,
        shown(),
        Act::Withdraw,
    );
    on_one(
        post(),
        "/access/requests/{id}/revoke",
        "End a grant before its time",
        None,
        shown(),
        Act::Revoke,
    );
    on_one(
        post(),
        "/access/requests/{id}/review",
        "Say that an emergency was looked at",
        None,
        shown(),
        Act::Review,
    );
    on_one(
        post(),
        "/access/requests/{id}/edit",
        "Change what is asked for",
        Some(edit),
        shown(),
        Act::Edit,
    );
    on_one(
        post(),
        "/access/requests/{id}/activate",
        "Take the login; its secret is shown once",
        None,
        login,
        Act::Activate,
    );
    entries
}

async fn make(desk: &Desk, asked: &Asked) -> Result<Answer, Problem> {
    let (session, who) = enter(desk, asked).await?;
    let body = asked.json()?;
    let ask = Ask {
        policy: text(&body, "policy")?,
        ttl: duration(&body)?,
        reason: text(&body, "reason")?,
        age_recipient: match &body["age_recipient"] {
            Value::Null => None,
            _ => Some(text(&body, "age_recipient")?),
        },
        break_glass: body["break_glass"].as_bool().unwrap_or_default(),
    };
    if let Some(recipient) = &ask.age_recipient {
        recipients(recipient).ok_or_else(|| wrong("age_recipient", "It is no age recipient."))?;
    }
    let made = store::ask(&session, who, &ask).await.map_err(|it| problem(&it))?;
    let id = made["request"].as_str().unwrap_or_default();
    let shown = store::show(&session, id).await.map_err(|it| problem(&it))?;
    Ok(json(StatusCode::CREATED, &shown))
}

async fn list(desk: &Desk, cursors: &Cursors, asked: &Asked) -> Result<Answer, Problem> {
    let (session, who) = enter(desk, asked).await?;
    let mut filter = Filter::default();
    let mut cursor = None;
    let query = asked.query.as_deref().unwrap_or_default();
    for pair in query.split('&').filter(|it| !it.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("state", state) => filter.state = Some(state.to_owned()),
            ("mine", "true") => filter.requester = Some(who),
            ("mine", "false") => filter.requester = None,
            ("cursor", text) => cursor = Some(text.to_owned()),
            (name, _) => {
                let name = if name.len() > 40 { "query" } else { name };
                return Err(wrong(name, "There is no such parameter, or no such value of it."));
            }
        }
    }
    let question = format!("{}|{:?}|{:?}", who, filter.state, filter.requester);
    let after = cursor.map(|it| cursors.open(&it, &question)).transpose()?;
    let page = store::list(&session, &filter, after.as_deref()).await.map_err(|it| problem(&it))?;
    let mut body = object!({ "requests": page.requests });
    if let Some(next) = page.next.and_then(|it| cursors.seal(&it, &question)) {
        body["next"] = next.into();
    }
    Ok(json(StatusCode::OK, &body))
}

async fn on(desk: &Desk, asked: &Asked, act: Act) -> Result<Answer, Problem> {
    let (session, who) = enter(desk, asked).await?;
    let id = asked.segments.get("id").map(String::as_str).unwrap_or_default();
    let body = asked.json()?;
    let outcome = match act {
        Act::Show => Ok(Value::Null),
        Act::Approve | Act::Deny => {
            let digest = from_hex(&text(&body, "digest")?);
            let digest = digest.ok_or_else(|| wrong("digest", "It is no digest."))?;
            store::decide(&session, who, id, matches!(act, Act::Approve), &digest).await
        }
        Act::Withdraw => store::withdraw(&session, who, id).await,
        Act::Revoke => store::revoke(&session, who, id).await,
        Act::Review => store::review(&session, who, id).await,
        Act::Edit => {
            let (ttl, reason) = (duration(&body)?, text(&body, "reason")?);
            store::edit(&session, who, id, ttl, &reason).await
        }
        Act::Activate => {
            let login = store::activate(&session, who, id).await.map_err(|it| problem(&it))?;
            return hand_over(&login);
        }
    };
    outcome.map_err(|it| problem(&it))?;
    let shown = store::show(&session, id).await.map_err(|it| problem(&it))?;
    Ok(json(StatusCode::OK, &shown))
}

/// The login with its password: to be read once, or sealed.
fn hand_over(login: &store::Login) -> Result<Answer, Problem> {
    let mut body = object!({
        "login": login.name, "profile": login.profile, "not_after": login.not_after,
    });
    match &login.age_recipient {
        None => body["password"] = login.password.expose().into(),
        Some(recipient) => {
            let failed = || Problem::new(Code::Internal);
            let to = recipients(recipient).ok_or_else(failed)?;
            let password = Zeroizing::new(login.password.expose().as_bytes().to_vec());
            let sealed = sealed::seal(&SecretBytes::new(password), &to, true);
            let sealed = sealed.map_err(|_| failed())?;
            body["sealed_password"] = String::from_utf8_lossy(&sealed).into();
        }
    }
    Ok(json(StatusCode::OK, &body))
}

fn recipients(recipient: &str) -> Option<sealed::Recipients> {
    let mut recipients = sealed::Recipients::default();
    recipients.add(recipient).ok()?;
    Some(recipients)
}

fn text(body: &Value, member: &str) -> Result<String, Problem> {
    // PostgreSQL's text holds no NUL.
    let text = body[member].as_str().filter(|it| !it.is_empty() && !it.contains('\0'));
    text.map(str::to_owned).ok_or_else(|| wrong(member, "It is missing, or not text."))
}

fn duration(body: &Value) -> Result<Duration, Problem> {
    let text = text(body, "for")?;
    let parsed = humantime::parse_duration(&text).ok();
    // More than a hundred years would be more than PostgreSQL's clock holds.
    let parsed = parsed.filter(|it| *it < Duration::from_hours(24 * 36_500));
    parsed.ok_or_else(|| wrong("for", "It is no duration such as `1h` or `30m`."))
}

fn wrong(parameter: &str, detail: &str) -> Problem {
    Problem::arguments(vec![ArgumentError {
        location: Location::Body,
        parameter: parameter.to_owned(),
        detail: detail.to_owned(),
    }])
}
