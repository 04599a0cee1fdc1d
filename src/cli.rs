//! The command line: what a person types, and what it calls.
//!
//! Owns the commands' names, flags, help and exit codes. Each command's work is in its own room
//! below; none of them reads a flag that is not declared here, or, for a command of several parts,
//! at the head of its own room.

mod access;
mod ask;
mod audit;
mod check;
mod config;
mod credentials;
mod describe;
mod exit;
#[cfg(feature = "full")]
mod full;
mod harden;
mod keeper;
mod key;
#[cfg(any(test, not(feature = "full")))]
mod left_out;
mod migrate;
#[cfg(feature = "full")]
mod new;
mod posture;
#[cfg(feature = "full")]
mod private;
mod probe;
#[cfg(feature = "full")]
mod secret;
mod serve;
mod show;
mod slow;
#[cfg(feature = "full")]
mod up;

pub use exit::Exit;

#[cfg(not(feature = "full"))]
use left_out as full;

use crate::{observe, startup::Folder};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Turns a folder of SQL files into an HTTP service in front of PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "howdah", version = full::VERSION, after_help = exit::HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Full(full::Command),
    /// Serve a folder in front of the database that its manifest names
    Serve(Serve),
    /// Find everything that is wrong with a folder
    Check(Check),
    /// Say what a folder serves
    Describe(Describe),
    /// Apply the folder's migrations to its database
    Migrate(Migrate),
    /// Ask a running service whether it is ready: a container's health check
    Probe(Probe),
    /// Rotate the service's credential and keep its records: a process of its own
    Keeper(Keeper),
    /// Set up, take over, rotate, and look how the credential stands: asks the keeper
    Credentials(credentials::Arguments),
    /// Say what of a running service's hardening is really in force
    Posture(Posture),
    /// Ask for access to the database, decide on requests, and end what was given
    #[command(subcommand)]
    Access(access::Access),
    /// Check the audit trail, and take it out of the database
    #[command(subcommand)]
    Audit(Box<audit::Audit>),
    /// Make API keys, and look at a file of them
    #[command(subcommand)]
    Key(KeyCommand),
    /// Print every setting with its default and its meaning
    Config(Config),
}

/// The folder, and what the command line sets over its manifest.
#[derive(Debug, Args)]
struct FolderArgs {
    /// The service folder
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Set a value of the manifest, such as `listen.http=127.0.0.1:8080`
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Args)]
struct ListenArgs {
    /// Listen on this port, on the host that the manifest names
    #[arg(long, short, value_name = "PORT")]
    port: Option<u16>,
    /// Threads that serve; as many as there are processors unless stated
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Write `{"http":…,"admin":…,"pid":…}` into this file when the listeners are open
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    who: WhoArgs,
}

/// As whom a process works.
#[derive(Debug, Args)]
struct WhoArgs {
    /// Become this user once the listeners are open: a name, or `UID:GID`
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Work as root, which is refused otherwise
    #[arg(
        long,
        env = "HOWDAH_ALLOW_ROOT",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    allow_root: bool,
}

/// How a command writes its findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person
    Text,
    /// For a program
    Json,
}

#[derive(Debug, Args)]
struct Check {
    #[command(flatten)]
    folder: FolderArgs,
    /// Ask the manifest's database, too: statements, types, lanes
    #[arg(long)]
    database: bool,
    /// Ask a private PostgreSQL instead, started for this with the folder's migrations
    #[arg(long, conflicts_with = "database")]
    embedded: bool,
    /// How findings are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct Describe {
    #[command(flatten)]
    folder: FolderArgs,
    /// Print an OpenAPI 3.1 document; it needs the database, which knows the types
    #[arg(long)]
    openapi: bool,
    /// Ask a private PostgreSQL instead of the manifest's, started for this with the folder's
    /// migrations
    #[arg(long)]
    embedded: bool,
    /// How the description is written
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "openapi")]
    format: Format,
}

#[derive(Debug, Args)]
struct Migrate {
    #[command(flatten)]
    folder: FolderArgs,
    /// Say what would be applied, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Run the seed files that were not run yet, too
    #[arg(long)]
    seed: bool,
}

#[derive(Debug, Args)]
struct Probe {
    #[command(flatten)]
    folder: FolderArgs,
    /// Ask only whether the process lives
    #[arg(long)]
    live: bool,
    /// How long it may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    timeout_ms: u64,
}

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// A table for a person
    Table,
    /// The report as the service gives it
    Json,
    /// SARIF 2.1.0, for tools that collect findings
    Sarif,
}

#[derive(Debug, Args)]
struct Posture {
    #[command(flatten)]
    folder: FolderArgs,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    format: ReportFormat,
    /// How long it may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    timeout_ms: u64,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make an API key: it is shown once, and its hash is what is kept
    New(KeyNew),
    /// Show the keys of a file, with when they are valid and what they may do
    List(KeyList),
}

#[derive(Debug, Args)]
struct KeyNew {
    /// Whose key it is; a key that takes the place of another may have the same name
    #[arg(long)]
    name: String,
    /// What its holder may do; may be given again
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// When it ends: a duration from now such as 90d, or a moment such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = key::Moment::parse)]
    expires: Option<key::Moment>,
    /// When it begins, written like `--expires`
    #[arg(long, value_name = "WHEN", value_parser = key::Moment::parse)]
    not_before: Option<key::Moment>,
    /// The role of PostgreSQL that its requests have, one of `auth.roles`
    #[arg(long)]
    role: Option<String>,
    /// A claim of its holder, such as `tenant=acme`; may be given again
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = key_value)]
    claims: Vec<(String, String)>,
    /// Add the key's hash to this file, which is made when it is not there
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How the key is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct KeyList {
    /// The file of keys
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct Keeper {
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    who: WhoArgs,
    /// Write `{"keeper":…,"pid":…}` into this file when the listener is open
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Print the OpenAPI 3.1 document of the keeper's own API, and do nothing else
    #[arg(long, conflicts_with = "ready_file")]
    openapi: bool,
}

#[derive(Debug, Args)]
struct Config {
    /// Print the reference for people instead, in Markdown
    #[arg(long)]
    reference: bool,
}

impl From<FolderArgs> for Folder {
    fn from(arguments: FolderArgs) -> Self {
        Self { directory: arguments.directory, overrides: arguments.set, port: None }
    }
}

impl ListenArgs {
    /// The folder with what these flags set over its manifest.
    fn folder(&self, folder: FolderArgs) -> Folder {
        Folder { port: self.port, ..Folder::from(folder) }
    }

    fn threads(&self) -> usize {
        self.threads.map_or_else(
            || std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            usize::from,
        )
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Does what the command line says.
pub fn run() -> Exit {
    let exit = obey(Cli::parse().command);
    observe::flush();
    exit
}

fn obey(command: Command) -> Exit {
    match command {
        Command::Full(command) => command.run(),
        Command::Serve(serve) => serve::run(serve),
        Command::Check(check) => check::run(check),
        Command::Describe(describe) => describe::run(describe),
        Command::Migrate(migrate) => migrate::run(migrate),
        Command::Probe(probe) => probe::run(probe),
        Command::Keeper(keeper) => keeper::run(keeper),
        Command::Credentials(credentials) => credentials::run(credentials),
        Command::Posture(arguments) => posture::run(arguments),
        Command::Access(access) => access::run(access),
        Command::Audit(audit) => audit::run(*audit),
        Command::Key(key) => key::run(&key),
        Command::Config(config) => config::run(&config),
    }
}
