//! Who calls the keeper: by a token of its own, of which the database keeps the hash, or by one that
//! a configured issuer signed.
//!
//! Each token that is seen for the first time is a sign-in, and in the trail before its request is
//! looked at; so is each that is refused.

use super::Desk;
use crate::{
    access::{self, Credential, Memory, Token, Verdict},
    approval::store::{self, Failure, NEW_TOKEN},
    http::api::{Caller, Guard},
    postgres::session::Session,
    problem::{Code, Problem},
    secret::Secret,
};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::{collections::HashSet, rc::Rc, time::SystemTime};

/// The most sign-ins that are remembered; of more, the ones before are told again.
const MOST_GUESTS: usize = 4096;

/// Who signed in since the process began: tokens by their SHA-256.
#[derive(Default)]
pub(super) struct Guests {
    memory: Memory,
    known: HashSet<[u8; 32]>,
}

/// The guard of every route that is not open.
pub(super) fn of(desk: &Rc<Desk>) -> Guard {
    let desk = Rc::clone(desk);
    Rc::new(move |headers| {
        let desk = Rc::clone(&desk);
        Box::pin(async move { caller(&desk, &headers).await })
    })
}

/// Who sent the request. A request without a token is refused as one with nobody's is, so that the
/// trail has both.
async fn caller(desk: &Desk, headers: &HeaderMap) -> Result<Caller, Problem> {
    let token = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = token.and_then(|it| it.strip_prefix("Bearer ")).map(str::trim);
    let session = desk.connect().await.map_err(|_| away())?;
    let caller = match token {
        Some(token) if desk.authority.takes_tokens() && !token.starts_with(NEW_TOKEN) => {
            of_issuer(desk, &session, token).await
        }
        token => own(&session, token).await,
    };
    let caller = match caller {
        Ok(caller) => greet(desk, &session, token.unwrap_or_default(), caller).await,
        refused => refused,
    };
    session.close().await;
    caller
}

fn away() -> Problem {
    Problem::new(Code::DatabaseUnavailable)
}

/// Of whom a token of the keeper's own is.
async fn own(session: &Session, token: Option<&str>) -> Result<Caller, Problem> {
    let secret = Secret::new(token.unwrap_or_default().to_owned());
    let known = store::use_token(session, &secret).await.map_err(|it| match it {
        Failure::Refused(problem) if token.is_none() => {
            problem.detail("Send the token as `Authorization: Bearer …`.")
        }
        Failure::Refused(problem) => problem,
        // The tables are made when a keeper leads for the first time.
        Failure::Database(_) => away().detail("The keeper's tables are not there yet."),
    })?;
    Ok(Caller {
        principal: known.principal,
        name: format!("local:{}", known.subject),
        groups: known.groups,
    })
}

/// Of whom a token is that an issuer signed.
async fn of_issuer(desk: &Desk, session: &Session, token: &str) -> Result<Caller, Problem> {
    let authority = &desk.authority;
    let credential = Credential::Token(token);
    let too_long = token.len() > authority.settings().longest;
    let verdict = if too_long {
        Verdict::Refused(access::Refusal::Malformed)
    } else {
        let judge = || {
            let mut guests = desk.guests.borrow_mut();
            guests.memory.judge(authority, credential, SystemTime::now())
        };
        authority.settled(judge).await
    };
    let code = match &verdict {
        Verdict::Known(access::Caller::Token(it)) => match enter(desk, session, it).await? {
            Some(caller) => return Ok(caller),
            None => Code::TokenEnded,
        },
        Verdict::KeysAwaited(_) => Code::IssuerUnavailable,
        Verdict::Refused(access::Refusal::Expired) => Code::TokenEnded,
        _ => Code::TokenInvalid,
    };
    store::refuse_sign_in(session, code).await.map_err(|_| away())?;
    Err(Problem::new(code))
}

/// The principal of a token that is believed, known from now on with the groups that it names; nobody
/// when it is disabled.
async fn enter(desk: &Desk, session: &Session, token: &Token) -> Result<Option<Caller>, Problem> {
    let mut issuers = desk.config.access_issuers.values();
    let settings = issuers.find(|it| it.issuer == token.issuer);
    let (Some(settings), Some(subject)) = (settings, &token.subject) else { return Ok(None) };
    let groups = groups(token.claims.find(&settings.groups_claim));
    let entered = store::enter(session, &token.issuer, subject, &groups).await;
    let principal = entered.map_err(|_| away())?;
    let name = format!("{}:{subject}", token.issuer);
    Ok(principal.map(|principal| Caller { principal, name, groups }))
}

/// The groups of a claim: a list of names, or one name. Each once, in their order.
fn groups(claim: Option<&serde_json::Value>) -> Vec<String> {
    use serde_json::Value;
    let mut groups: Vec<String> = match claim {
        Some(Value::Array(names)) => {
            names.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
        }
        Some(Value::String(name)) => vec![name.clone()],
        _ => Vec::new(),
    };
    groups.sort();
    groups.dedup();
    groups
}

/// Tells the trail of a token that is new to this process.
async fn greet(
    desk: &Desk,
    session: &Session,
    token: &str,
    caller: Caller,
) -> Result<Caller, Problem> {
    let digest: [u8; 32] = Sha256::digest(token).into();
    if desk.guests.borrow().known.contains(&digest) {
        return Ok(caller);
    }
    let told = store::tell_sign_in(session, caller.principal, &caller.groups).await;
    told.map_err(|_| away().detail("The sign-in cannot be told to the audit trail."))?;
    let known = &mut desk.guests.borrow_mut().known;
    if known.len() >= MOST_GUESTS {
        known.clear();
    }
    known.insert(digest);
    Ok(caller)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_are_a_list_or_one_and_nothing_else() {
        let of = |claim: serde_json::Value| groups(Some(&claim));
        assert_eq!(of(json!(["b", "a", "b", 1, null])), ["a", "b"]);
        assert_eq!(of(json!("dba")), ["dba"]);
        for none in [json!(null), json!(1), json!({ "dba": true }), json!([])] {
            assert!(of(none).is_empty());
        }
        assert!(groups(None).is_empty());
    }
}
