//! The commands of a person at a machine of their own, which the image's program has not.

use super::{Exit, FolderArgs, ListenArgs, new, secret, show, up};
use clap::{Args, CommandFactory, Subcommand};
use std::path::PathBuf;

pub(super) use super::private::prepare;

/// What `--version` says.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a small working service folder to begin with
    New(New),
    /// Serve a folder on a private PostgreSQL that is started for it, and follow its changes
    Up(Up),
    /// Seal secrets into files, and open files that are sealed
    #[command(subcommand, display_order = 50)]
    Secret(secret::Secret),
    /// Print the completions of a shell
    #[command(display_order = 51)]
    Completions(Completions),
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// The folder to make; its last part names the service
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
    /// The service's name, when it is not the folder's
    #[arg(long)]
    pub(super) name: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Up {
    #[command(flatten)]
    pub(super) folder: FolderArgs,
    #[command(flatten)]
    pub(super) listen: ListenArgs,
    /// Throw the private database away and begin anew
    #[arg(long)]
    pub(super) fresh: bool,
    /// Do not follow changes of the folder
    #[arg(long)]
    pub(super) no_watch: bool,
    /// Run a keeper, too, although the manifest has no `[keeper]`
    #[arg(long)]
    pub(super) keeper: bool,
}

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

impl Command {
    pub(super) fn run(self) -> Exit {
        match self {
            Self::New(new) => new::run(&new),
            Self::Up(up) => up::run(up),
            Self::Secret(secret) => secret::run(&secret),
            Self::Completions(completions) => {
                let mut command = super::Cli::command();
                let mut script = Vec::new();
                clap_complete::generate(completions.shell, &mut command, "howdah", &mut script);
                show::print(format_args!("{}", String::from_utf8_lossy(&script)));
                Exit::Success
            }
        }
    }
}
