//! What stands between a route and its arguments: who asks, and how often they may.
//!
//! Owns the header fields that say so (`WWW-Authenticate`, `RateLimit`). Does not own the decisions
//! (`access`), nor their order (`pipeline`).

use crate::{
    access::{
        Authority, Caller, Credential, Fault, Names, Permit, Refusal, Verdict,
        limit::{Count, Limiter},
    },
    problem::{Code, Problem},
    service::{Action, Entry, Serving},
};
use http::{HeaderName, HeaderValue, header};
use std::{net::IpAddr, sync::Arc, time::SystemTime};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Header fields that an answer gets besides its own.
pub(super) type Fields = Vec<(HeaderName, HeaderValue)>;

/// Who sends the request.
///
/// # Errors
/// 400 for several credentials, 401 for one that is not valid, 403 for one whose role nobody may
/// have, 503 when its issuer's keys are not known.
pub(super) async fn identify(
    serving: &Serving,
    entry: &Entry,
    parts: &http::request::Parts,
) -> Result<Caller, Problem> {
    let authority = &*serving.service.authority;
    // A health check must not fail for what it brings along.
    let looks = authority.is_configured() && (!entry.policy.is_public() || runs_sql(entry));
    if !looks {
        return Ok(Caller::Anonymous);
    }
    let credential = authority.credential(&parts.headers).map_err(|fault| match fault {
        Fault::Several => Problem::new(Code::SeveralCredentials)
            .detail("Send one API key or one token, in one header field."),
        Fault::Malformed => refused(Refusal::Malformed),
    })?;
    // What a request brings says more of it than what its connection showed.
    let Some(credential) = credential else {
        let shown = parts.extensions.get::<Arc<Names>>();
        return Ok(shown.map_or(Caller::Anonymous, |names| authority.holder(names)));
    };
    match authority.settled(|| judge(serving, authority, credential)).await {
        Verdict::Known(caller) => Ok(caller),
        Verdict::Refused(refusal) => Err(refused(refusal)),
        Verdict::KeyUnknown(_) => Err(refused(Refusal::Invalid)),
        Verdict::RoleDenied => Err(Problem::new(Code::Forbidden)
            .detail("The token names a role that callers of this service may not have.")),
        Verdict::KeysAwaited(_) => Err(Problem::new(Code::IssuerUnavailable)),
    }
}

fn judge(serving: &Serving, authority: &Authority, credential: Credential<'_>) -> Verdict {
    serving.memory.borrow_mut().judge(authority, credential, SystemTime::now())
}

fn runs_sql(entry: &Entry) -> bool {
    matches!(entry.action, Action::Endpoint(_) | Action::Bulk(_) | Action::Pending(_))
}

fn refused(refusal: Refusal) -> Problem {
    Problem::new(Code::InvalidCredential).detail(match refusal {
        Refusal::Malformed => "The API key or token is malformed.",
        Refusal::Expired => "The API key or token has expired.",
        Refusal::Invalid => "The API key or token is not valid.",
    })
}

/// The permit for a statement that runs as its caller, where PostgreSQL is told who that is.
///
/// # Errors
/// 403 when it cannot be told.
pub(super) fn under(serving: &Serving, permit: Permit, caller: &Caller) -> Result<Permit, Problem> {
    match serving.service.authority.identity(caller) {
        Ok(None) => Ok(permit),
        Ok(Some(identity)) => Ok(permit.under(identity)),
        Err(_) => Err(Problem::new(Code::Forbidden)
            .detail("The claims of the caller cannot be told to the database.")),
    }
}

/// What to say to somebody who was not let in: how to sign in.
pub(super) fn challenge(
    serving: &Serving,
    entry: Option<&Entry>,
    problem: &Problem,
    fields: &mut Fields,
) {
    let error = match problem.code() {
        Code::Unauthenticated => None,
        Code::InvalidCredential => Some("invalid_token"),
        Code::InsufficientScope => Some("insufficient_scope"),
        _ => return,
    };
    let scopes = entry.map(|entry| entry.policy.scopes()).unwrap_or_default();
    let challenge = serving.service.authority.challenge(error, scopes);
    if let Ok(value) = HeaderValue::from_str(&challenge) {
        fields.push((header::WWW_AUTHENTICATE, value));
    }
}

/// Counts a request at those of the route's limits that need the caller, or at those that do not.
///
/// # Errors
/// 429 when it is one too many.
pub(super) fn count(
    entry: &Entry,
    address: Option<IpAddr>,
    caller: Option<&Caller>,
    counts: &mut Vec<(Arc<Limiter>, Count)>,
) -> Result<(), Problem> {
    let mut wait_s = None;
    for limiter in entry.limiters.iter().filter(|it| it.counts_callers() == caller.is_some()) {
        let count = limiter.count(address, caller.unwrap_or(&Caller::Anonymous));
        if !count.allowed {
            wait_s = wait_s.max(Some(count.reset_s));
        }
        counts.push((Arc::clone(limiter), count));
    }
    let Some(wait_s) = wait_s else { return Ok(()) };
    Err(Problem::new(Code::RateLimited)
        .retry_after_s(u32::try_from(wait_s).unwrap_or(u32::MAX).max(1)))
}

/// The fields that tell a caller how far the limits are.
pub(super) fn tell(counts: &[(Arc<Limiter>, Count)], fields: &mut Fields) {
    if counts.is_empty() {
        return;
    }
    let join = |parts: Vec<String>| HeaderValue::from_str(&parts.join(", ")).ok();
    let policy = join(counts.iter().map(|(limiter, _)| limiter.policy()).collect());
    let state = join(counts.iter().map(|(limiter, count)| limiter.state(*count)).collect());
    fields.extend(policy.map(|value| (RATE_LIMIT_POLICY, value)));
    fields.extend(state.map(|value| (RATE_LIMIT, value)));
}
