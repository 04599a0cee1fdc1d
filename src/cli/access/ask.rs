//! Asking the keeper.

use super::{Decide, List, One, Request, ToKeeper, table};
use crate::{
    cli::{Exit, Format, show},
    diagnostic::{Code, Diagnostic, Diagnostics},
    outbound::{self, Endpoint},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How often a request that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An answer of the keeper: what was asked for, or its problem.
type Answer = Result<Value, Value>;

async fn call(
    to: &ToKeeper,
    post: bool,
    path: &str,
    query: &str,
    body: &Value,
) -> Result<Answer, Diagnostics> {
    let wrong = |why: &str| Diagnostic::error(Code::InvalidValue, format!("`--keeper`: {why}"));
    let mut url = Endpoint::parse(&to.keeper).map_err(wrong)?.join(path).url().clone();
    url.set_query((!query.is_empty()).then_some(query));
    let token = to.token.read()?;
    let machine = |why: String| {
        Diagnostic::error(Code::Machine, format!("the keeper at {}: {why}", to.keeper))
    };
    let client = outbound::client().map_err(machine)?;
    let request = if post { client.post(url).json(body) } else { client.get(url) };
    let sent = request.bearer_auth(token.expose()).send().await;
    let answer = sent.map_err(|error| machine(outbound::in_words(&error)))?;
    let (status, text) = outbound::read(answer).await.map_err(machine)?;
    let value: Value =
        serde_json::from_str(&text).map_err(|_| machine("its answer is not JSON".to_owned()))?;
    Ok(if status < 300 { Ok(value) } else { Err(value) })
}

/// Prints an answer, or why there is none.
fn tell(to: &ToKeeper, answer: &Answer) -> Exit {
    match (answer, to.format) {
        (Ok(value), Format::Text) => table(value),
        (Ok(value) | Err(value), Format::Json) => show::say!("{value:#}"),
        (Err(problem), Format::Text) => {
            let member = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
            show::complain!(
                "refused: {} ({}) {}",
                member("title"),
                member("code"),
                member("detail")
            );
            for error in problem["errors"].as_array().into_iter().flatten() {
                let word = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
                show::complain!("  {}: {}", word("parameter"), word("detail"));
            }
        }
    }
    if answer.is_ok() { Exit::Success } else { Exit::Failure }
}

pub(super) async fn request(arguments: Request) -> Result<Exit, Diagnostics> {
    let mut body = json!({
        "policy": arguments.policy, "for": arguments.r#for, "reason": arguments.reason,
        "break_glass": arguments.break_glass,
    });
    if let Some(recipient) = &arguments.age_recipient {
        body["age_recipient"] = recipient.as_str().into();
    }
    let to = &arguments.to;
    let made = call(to, true, "access/requests", "", &body).await?;
    let id = match &made {
        Ok(made) => made["id"].as_str().unwrap_or_default().to_owned(),
        Err(_) => return Ok(tell(to, &made)),
    };
    let Some(patience) = arguments.wait else { return Ok(tell(to, &made)) };
    if to.format == Format::Text {
        let _ = tell(to, &made);
    }
    let begun = Instant::now();
    let mut told = String::new();
    loop {
        let shown = call(to, false, &format!("access/requests/{id}"), "", &Value::Null).await?;
        let Ok(request) = &shown else { return Ok(tell(to, &shown)) };
        let state = request["state"].as_str().unwrap_or_default();
        match state {
            "approved" => {
                let path = format!("access/requests/{id}/activate");
                return Ok(tell(to, &call(to, true, &path, "", &json!({})).await?));
            }
            "pending" if begun.elapsed() < patience => {}
            "pending" => {
                show::complain!(
                    "nobody has decided yet; `howdah access login {id}` once it is approved"
                );
                return Ok(Exit::Failure);
            }
            _ => {
                let _ = tell(to, &shown);
                return Ok(Exit::Failure);
            }
        }
        let line = format!(
            "waiting: {} of {} approvals",
            request["approvals"], request["approvals_needed"]
        );
        if line != told {
            show::complain!("{line}");
            told = line;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

pub(super) async fn list(arguments: &List) -> Result<Exit, Diagnostics> {
    let to = &arguments.to;
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut query: Vec<String> = Vec::new();
        query.extend(arguments.state.iter().map(|state| format!("state={state}")));
        query.extend(arguments.mine.then(|| "mine=true".to_owned()));
        query.extend((!cursor.is_empty()).then(|| format!("cursor={cursor}")));
        let answer = call(to, false, "access/requests", &query.join("&"), &Value::Null).await?;
        let Ok(page) = &answer else { return Ok(tell(to, &answer)) };
        all.extend(page["requests"].as_array().into_iter().flatten().cloned());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    if to.format == Format::Json {
        show::say!("{:#}", Value::from(all));
        return Ok(Exit::Success);
    }
    for request in &all {
        let word = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        show::say!(
            "{}  {:<9} {:<12} {:<20} {}",
            word("id"),
            word("state"),
            word("policy"),
            word("requester"),
            word("reason")
        );
    }
    Ok(Exit::Success)
}

pub(super) async fn one(arguments: &One, act: &str) -> Result<Exit, Diagnostics> {
    let path = format!("access/requests/{}/{act}", arguments.id);
    let path = path.trim_end_matches('/');
    let answer = call(&arguments.to, !act.is_empty(), path, "", &json!({})).await?;
    Ok(tell(&arguments.to, &answer))
}

pub(super) async fn decide(arguments: &Decide, act: &str) -> Result<Exit, Diagnostics> {
    let to = &arguments.to;
    let digest = match &arguments.digest {
        Some(digest) => digest.clone(),
        None => {
            let path = format!("access/requests/{}", arguments.id);
            let shown = call(to, false, &path, "", &Value::Null).await?;
            match &shown {
                Ok(request) => request["digest"].as_str().unwrap_or_default().to_owned(),
                Err(_) => return Ok(tell(to, &shown)),
            }
        }
    };
    let path = format!("access/requests/{}/{act}", arguments.id);
    let answer = call(to, true, &path, "", &json!({ "digest": digest })).await?;
    Ok(tell(to, &answer))
}
