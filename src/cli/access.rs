//! `howdah access`: requests, decisions and grants, through the keeper.

mod ask;

use super::{Exit, FolderArgs, Format, show};
use crate::{
    approval::store,
    diagnostic::{Code, Diagnostic, Diagnostics},
    keeper::Desk,
    observe,
    startup::Folder,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(super) enum Access {
    /// Ask for access under a policy
    Request(Request),
    /// List requests, the newest first
    List(List),
    /// Show one request
    Show(One),
    /// Approve a request as it stands
    Approve(Decide),
    /// Deny a request as it stands
    Deny(Decide),
    /// Take an own request back
    Withdraw(One),
    /// Take the login of an approved request; its password is shown once
    Login(One),
    /// End a grant before its time
    Revoke(One),
    /// Say that an emergency access was looked at
    Review(One),
    /// Make a token for somebody, with the keeper's own credential
    Token(Token),
}

/// Where the keeper is, and who asks.
#[derive(Debug, Args)]
struct ToKeeper {
    /// The keeper's address
    #[arg(
        long,
        env = "HOWDAH_KEEPER_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:9100"
    )]
    keeper: String,
    #[command(flatten)]
    token: super::ask::TokenFile,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Request {
    /// The policy
    policy: String,
    /// For how long, such as 1h
    #[arg(long, value_name = "TIME")]
    r#for: String,
    /// Why; the approvers read it
    #[arg(long)]
    reason: String,
    /// Seal the password to this age recipient instead of showing it
    #[arg(long, value_name = "AGE1…")]
    age_recipient: Option<String>,
    /// Begin at once, without approval: an emergency, which two people review afterwards
    #[arg(long)]
    break_glass: bool,
    /// Wait until somebody has decided, this long at most, and take the login
    #[arg(long, value_name = "TIME", value_parser = duration)]
    wait: Option<Duration>,
    #[command(flatten)]
    to: ToKeeper,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those in this state
    #[arg(long)]
    state: Option<String>,
    /// Only your own
    #[arg(long)]
    mine: bool,
    #[command(flatten)]
    to: ToKeeper,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The request's number
    id: String,
    #[command(flatten)]
    to: ToKeeper,
}

#[derive(Debug, Args)]
pub(super) struct Decide {
    /// The request's number
    id: String,
    /// The digest of the request as you read it; without it, the request is shown and decided on as
    /// it stands
    #[arg(long)]
    digest: Option<String>,
    #[command(flatten)]
    to: ToKeeper,
}

#[derive(Debug, Args)]
pub(super) struct Token {
    /// Whom the token is for
    subject: String,
    /// The groups, with commas between
    #[arg(long, value_delimiter = ',')]
    groups: Vec<String>,
    /// How long it serves
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = duration)]
    r#for: Duration,
    /// End every token of this subject instead
    #[arg(long)]
    revoke: bool,
    #[command(flatten)]
    folder: FolderArgs,
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn run(access: Access) -> Exit {
    match super::serve::block_on(obey(access)).and_then(|inner| inner) {
        Ok(exit) => exit,
        Err(found) => show::failed(&found),
    }
}

async fn obey(access: Access) -> Result<Exit, Diagnostics> {
    match access {
        Access::Request(request) => ask::request(request).await,
        Access::List(list) => ask::list(&list).await,
        Access::Show(one) => ask::one(&one, "").await,
        Access::Approve(decide) => ask::decide(&decide, "approve").await,
        Access::Deny(decide) => ask::decide(&decide, "deny").await,
        Access::Withdraw(one) => ask::one(&one, "withdraw").await,
        Access::Login(one) => ask::one(&one, "activate").await,
        Access::Revoke(one) => ask::one(&one, "revoke").await,
        Access::Review(one) => ask::one(&one, "review").await,
        Access::Token(arguments) => token(arguments).await,
    }
}

async fn token(arguments: Token) -> Result<Exit, Diagnostics> {
    let read = Folder::from(arguments.folder).manifest()?;
    let session = Desk::new(&read.value, observe::observer())?.connect().await?;
    let failed = |error: tokio_postgres::Error| {
        let what =
            error.as_db_error().map_or_else(|| error.to_string(), |it| it.message().to_owned());
        Diagnostic::error(Code::Database, format!("the token was not made: {what}"))
    };
    if arguments.revoke {
        let ended = store::revoke_tokens(&session, &arguments.subject).await.map_err(failed)?;
        show::say!("{ended} ended");
        return Ok(Exit::Success);
    }
    let token =
        store::new_token().map_err(|error| Diagnostic::error(Code::Machine, error.to_string()))?;
    let (subject, groups) = (&arguments.subject, &arguments.groups);
    let made = store::make_token(&session, &token, subject, groups, arguments.r#for).await;
    if !made.map_err(failed)? {
        return Err(Diagnostic::error(Code::InvalidValue, "this principal is disabled").into());
    }
    // The one time that it is seen.
    show::print(format_args!("{}\n", token.expose()));
    Ok(Exit::Success)
}

/// The answer for a person: what a request is about, a line each.
fn table(answer: &Value) {
    const ROWS: [(&str, &str); 16] = [
        ("request", "id"),
        ("state", "state"),
        ("by", "requester"),
        ("policy", "policy"),
        ("role", "profile"),
        ("for", "for_s"),
        ("reason", "reason"),
        ("emergency", "break_glass"),
        ("approvals", "approvals"),
        ("of", "approvals_needed"),
        ("lapses", "lapses_at"),
        ("digest", "digest"),
        ("login", "login"),
        ("until", "not_after"),
        ("password", "password"),
        ("sealed", "sealed_password"),
    ];
    for (name, member) in ROWS {
        let value = match &answer[member] {
            Value::Null | Value::Bool(false) => continue,
            Value::String(text) => text.clone(),
            Value::Number(seconds) if member == "for_s" => {
                let seconds = seconds.as_f64().unwrap_or_default().max(0.0);
                humantime::format_duration(Duration::from_secs_f64(seconds)).to_string()
            }
            other => other.to_string(),
        };
        show::say!("{name:<10} {value}");
    }
    for decision in answer["decisions"].as_array().into_iter().flatten() {
        let void = if decision["void"] == json!(true) { ", void since an edit" } else { "" };
        let word = |member: &str| decision[member].as_str().unwrap_or_default().to_owned();
        show::say!("decision   {} by {} at {}{void}", word("verdict"), word("by"), word("at"));
    }
}
