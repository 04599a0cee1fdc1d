//! What may be done with access requests, as calls of the database's functions.
//!
//! Owns the calls and their answers. The rules are the functions'; this adds none.

mod list;
mod token;

pub use list::{Filter, Page, list, show};
pub use token::{
    Known, NEW_TOKEN, make_token, new_token, refuse_sign_in, revoke_tokens, tell_sign_in, use_token,
};

use super::{policy::Policy, refusal};
use crate::{
    credential,
    problem::{Code, Problem},
    secret::Secret,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_postgres::{Client, Error, GenericClient};

/// Why a call was not answered with what it asked for.
#[derive(Debug)]
pub enum Failure {
    /// A rule refused it; the audit trail has it.
    Refused(Problem),
    /// The database is away, or failed.
    Database(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The policy.
    pub policy: String,
    /// For how long.
    pub ttl: Duration,
    /// Why.
    pub reason: String,
    /// Whom the secret is sealed to, if to anybody: an age recipient.
    pub age_recipient: Option<String>,
    /// Whether it begins at once, and is looked at afterwards.
    pub break_glass: bool,
}

/// A temporary login.
pub struct Login {
    /// Its name.
    pub name: String,
    /// Its password, which nobody can ask for again.
    pub password: Secret,
    /// The role that it is a member of.
    pub profile: String,
    /// Until when it works: `2026-01-31T12:00:00.123456Z`.
    pub not_after: String,
    /// Whom its password is to be sealed to.
    pub age_recipient: Option<String>,
}

/// Takes on the role of requests on this connection, which may call what follows and no more.
///
/// # Errors
/// Those of the database.
pub async fn lower(client: &Client) -> Result<(), Error> {
    const LOWER: &str = "SELECT set_config('role', name, false) FROM howdah.access_role";
    client.query_one(LOWER, &[]).await.map(drop)
}

/// Makes the role of requests, if need be. Called by the leading keeper.
///
/// # Errors
/// Those of the database: a keeper that may not make roles.
pub async fn prepare(client: &Client) -> Result<(), Error> {
    client.query_one("SELECT howdah.access_prepare()", &[]).await.map(drop)
}

/// Makes the policies what the manifest says; gives how many changed. Called by the leading keeper,
/// not in the role of requests.
///
/// # Errors
/// Those of the database.
pub async fn set_policies(client: &Client, policies: &[Policy]) -> Result<i32, Error> {
    let wanted = Value::from(policies.iter().map(Policy::to_json).collect::<Vec<_>>()).to_string();
    let row =
        client.query_one("SELECT howdah.access_policies($1::text::jsonb)", &[&wanted]).await?;
    row.try_get(0)
}

/// The number of a principal that signed in: known from now on, with these groups. Nothing when it
/// is disabled.
///
/// # Errors
/// Those of the database.
pub async fn enter(
    client: &Client,
    issuer: &str,
    subject: &str,
    groups: &[String],
) -> Result<Option<i64>, Error> {
    let row = client
        .query_one("SELECT howdah.access_enter($1, $2, $3)", &[&issuer, &subject, &groups])
        .await?;
    row.try_get(0)
}

/// Tells the audit trail that `actor` was refused `action`, with a problem's code. Not in the role of
/// requests.
///
/// # Errors
/// Those of the database.
pub async fn tell_refusal(
    client: &Client,
    action: &str,
    actor: i64,
    subject: &str,
    code: Code,
) -> Result<(), Error> {
    const REFUSE: &str = "SELECT howdah.access_refuse($1, $2, $3, $4)";
    client.query_one(REFUSE, &[&action, &actor, &subject, &code.slug()]).await.map(drop)
}

/// Asks; gives `{"request": id}`.
///
/// # Errors
/// Why it is refused, or those of the database.
pub async fn ask(client: &Client, actor: i64, ask: &Ask) -> Result<Value, Failure> {
    const ASK: &str =
        "SELECT howdah.access_ask($1, $2, make_interval(secs => $3), $4, $5, $6)::text";
    let ttl_s = ask.ttl.as_secs_f64();
    let row = client
        .query_one(
            ASK,
            &[&actor, &ask.policy, &ttl_s, &ask.reason, &ask.age_recipient, &ask.break_glass],
        )
        .await?;
    answer(row.try_get(0)?)
}

/// Changes what was asked for; what was decided on before is void.
///
/// # Errors
/// As [`ask`].
pub async fn edit(
    client: &Client,
    actor: i64,
    request: &str,
    ttl: Duration,
    reason: &str,
) -> Result<Value, Failure> {
    const EDIT: &str =
        "SELECT howdah.access_edit($1, $2::text::uuid, make_interval(secs => $3), $4)::text";
    let row = client.query_one(EDIT, &[&actor, &request, &ttl.as_secs_f64(), &reason]).await?;
    answer(row.try_get(0)?)
}

/// Approves or denies the request with this digest.
///
/// # Errors
/// As [`ask`].
pub async fn decide(
    client: &Client,
    actor: i64,
    request: &str,
    approve: bool,
    digest: &[u8],
) -> Result<Value, Failure> {
    const DECIDE: &str = "SELECT howdah.access_decide($1, $2::text::uuid, $3, $4)::text";
    let verdict = if approve { "approve" } else { "deny" };
    let row = client.query_one(DECIDE, &[&actor, &request, &verdict, &digest]).await?;
    answer(row.try_get(0)?)
}

/// Takes an own request back.
///
/// # Errors
/// As [`ask`].
pub async fn withdraw(client: &Client, actor: i64, request: &str) -> Result<Value, Failure> {
    simple(client, "SELECT howdah.access_withdraw($1, $2::text::uuid)::text", actor, request).await
}

/// Ends a grant before its time.
///
/// # Errors
/// As [`ask`].
pub async fn revoke(client: &Client, actor: i64, request: &str) -> Result<Value, Failure> {
    simple(client, "SELECT howdah.access_revoke($1, $2::text::uuid)::text", actor, request).await
}

/// Says that somebody has looked at an emergency access.
///
/// # Errors
/// As [`ask`].
pub async fn review(client: &Client, actor: i64, request: &str) -> Result<Value, Failure> {
    simple(client, "SELECT howdah.access_review($1, $2::text::uuid)::text", actor, request).await
}

/// Makes the temporary login of an approved request. The database gets its password's verifier, and
/// never the password.
///
/// # Errors
/// As [`ask`].
pub async fn activate(client: &Client, actor: i64, request: &str) -> Result<Login, Failure> {
    const ACTIVATE: &str = "SELECT howdah.access_activate($1, $2::text::uuid, $3)::text";
    let no_random = |_| Failure::Refused(Problem::new(Code::Internal));
    let password = credential::new_password().map_err(no_random)?;
    let verifier = credential::verifier(&password);
    let row = client.query_one(ACTIVATE, &[&actor, &request, &verifier]).await?;
    let made = answer(row.try_get(0)?)?;
    let text = |member: &str| made[member].as_str().map(str::to_owned);
    Ok(Login {
        name: text("login").unwrap_or_default(),
        password,
        profile: text("profile").unwrap_or_default(),
        not_after: text("not_after").unwrap_or_default(),
        age_recipient: text("age_recipient"),
    })
}

/// Uses up the approved request `request`, of `policy`, in the transaction that begins the rotation
/// which it is for. A refusal is for the caller to tell.
///
/// # Errors
/// As [`ask`].
pub async fn use_up(
    client: &impl GenericClient,
    actor: i64,
    request: &str,
    policy: &str,
) -> Result<(), Failure> {
    const USE: &str = "SELECT howdah.access_use($1, $2::text::uuid, $3)::text";
    let row = client.query_one(USE, &[&actor, &request, &policy]).await?;
    answer(row.try_get(0)?).map(drop)
}

async fn simple(client: &Client, sql: &str, actor: i64, request: &str) -> Result<Value, Failure> {
    answer(client.query_one(sql, &[&actor, &request]).await?.try_get(0)?)
}

/// What a function answered.
fn answer(text: &str) -> Result<Value, Failure> {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|_| json!({ "refusal": "" }));
    match value["refusal"].as_str() {
        Some(code) => Err(Failure::Refused(refusal::problem(code))),
        None => Ok(value),
    }
}
