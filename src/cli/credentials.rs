//! `howdah credentials`: setting up, taking over, rotating, going back, and how it stands.

pub(super) mod setup;
mod watch;

use super::{
    Exit, FolderArgs, Format,
    ask::{self, TokenFile},
    show,
};
use crate::{
    config::{Address, Config},
    diagnostic::{Code, Diagnostic, Diagnostics},
    secret::Secret,
    startup::Folder,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the keeper may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the keeper's key and credential where they are missing, and print the SQL that a
    /// superuser runs once
    Setup(SetupArguments),
    /// Take over an application that signs in with a password of its own
    Adopt(LeaveArguments),
    /// Make a new generation, and wait until the one before is gone: a line for each phase
    Rotate(RotateArguments),
    /// Go back to the password before, while its login still works
    Back(BackArguments),
    /// Say which generation is in use, how old it is, and who has adopted it
    Status(StatusArguments),
}

#[derive(Debug, Args)]
struct SetupArguments {
    #[command(flatten)]
    folder: FolderArgs,
    /// The keeper's role; it signs in as this with `_a`
    #[arg(long, default_value = "howdah_keeper")]
    role: String,
}

/// Who asks, and where the keeper is.
#[derive(Debug, Args)]
struct Who {
    #[command(flatten)]
    token: TokenFile,
    /// The keeper's address, where the manifest does not say it: `http://127.0.0.1:9100`
    #[arg(long, env = "HOWDAH_KEEPER_URL", value_name = "URL")]
    keeper: Option<String>,
}

#[derive(Debug, Args)]
struct BeginArguments {
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    who: Who,
    /// Do not wait for its end
    #[arg(long)]
    no_wait: bool,
}

#[derive(Debug, Args)]
struct LeaveArguments {
    #[command(flatten)]
    begin: BeginArguments,
    /// The number of the approved access request, where rotations take one
    #[arg(long, value_name = "ID")]
    request: Option<String>,
}

/// Whose credential it is.
#[derive(Debug, Args)]
struct Whose {
    /// The keeper's own login in place of the application's
    #[arg(long)]
    own: bool,
}

impl Whose {
    fn path(&self) -> &'static str {
        if self.own { "/credentials/keeper" } else { "/credentials" }
    }
}

#[derive(Debug, Args)]
struct RotateArguments {
    #[command(flatten)]
    leave: LeaveArguments,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Debug, Args)]
struct BackArguments {
    #[command(flatten)]
    begin: BeginArguments,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Debug, Args)]
struct StatusArguments {
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    who: Who,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(credentials: Arguments) -> Exit {
    let outcome = match credentials.command {
        Command::Setup(setup) => setup::run(setup),
        Command::Adopt(asked) => begin(asked, "/credentials", "adopt"),
        Command::Rotate(asked) => begin(asked.leave, asked.whose.path(), "rotate"),
        Command::Back(asked) => {
            let asked_for = LeaveArguments { begin: asked.begin, request: None };
            begin(asked_for, asked.whose.path(), "back")
        }
        Command::Status(status) => print_status(status),
    };
    outcome.unwrap_or_else(|found| show::failed(&found))
}

/// The keeper that a folder names, and who asks it.
struct Desk {
    address: Address,
    token: Secret,
}

impl Desk {
    fn of(folder: FolderArgs, who: &Who) -> Result<Self, Diagnostics> {
        let token = who.token.read()?;
        if let Some(url) = &who.keeper {
            let place = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
            let address = Address::parse(place).map_err(|why| {
                Diagnostic::error(Code::InvalidValue, format!("`--keeper`: {why}"))
                    .help("such as `http://127.0.0.1:9100`, or `unix:/path`")
            })?;
            return Ok(Self { address, token });
        }
        let config: Config = Folder::from(folder).manifest()?.value;
        let keeper = config.keeper.ok_or_else(|| {
            Diagnostic::error(Code::MissingKey, "the manifest has no `[keeper]`")
                .help("see docs/keeper.md; `--keeper` names one that runs elsewhere")
        })?;
        Ok(Self { address: keeper.listen, token })
    }

    /// The keeper's answer.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Diagnostics> {
        let answer = ask::keeper(&self.address, method, path, &self.token, body, PATIENCE);
        let (status, body) = answer.map_err(|error| {
            let message = format!("the keeper at {} does not answer: {error}", self.address);
            Diagnostic::error(Code::Machine, message).help("start it: `howdah keeper DIR`")
        })?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (title, detail) = (text("title"), text("detail"));
        let message = if detail.is_empty() { title } else { detail };
        Err(Diagnostic::error(
            Code::Machine,
            format!("the keeper refuses ({}): {message}", text("code")),
        )
        .into())
    }
}

fn begin(asked: LeaveArguments, path: &str, what: &str) -> Result<Exit, Diagnostics> {
    let LeaveArguments { begin: asked, request } = asked;
    let desk = Desk::of(asked.folder, &asked.who)?;
    let body = request.map(|request| json!({ "request": request }));
    let begun = desk.ask("POST", &format!("{path}/{what}"), body.as_ref())?;
    let generation = begun["generation"].as_u64().unwrap_or_default();
    if asked.no_wait {
        show::print(format_args!("generation {generation} has begun\n"));
        return Ok(Exit::Success);
    }
    watch::until_done(&|| desk.ask("GET", path, None), generation)
}

fn print_status(asked: StatusArguments) -> Result<Exit, Diagnostics> {
    let desk = Desk::of(asked.folder, &asked.who)?;
    let mut status = desk.ask("GET", "/credentials", None)?;
    status["keeper"] = desk.ask("GET", "/credentials/keeper", None).unwrap_or_else(|found| {
        let why = found.iter().map(Diagnostic::message).collect::<Vec<_>>();
        json!({ "reason": why.join("; ") })
    });
    match asked.format {
        Format::Json => show::print(format_args!("{status}\n")),
        Format::Text => show::print(format_args!("{}", watch::in_words(&status))),
    }
    Ok(Exit::Success)
}
