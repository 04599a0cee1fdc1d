//! What the image's program has not, in the place of `full`: the commands of a person at a machine of
//! their own. They are known by name, so that whoever types one learns where it is.
#![cfg_attr(feature = "full", allow(dead_code, reason = "in the whole program only its tests run"))]

use super::Exit;
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    service::{Service, ServiceDefinition},
    startup::Folder,
};
use clap::{Args, CommandFactory, Subcommand, error::ErrorKind};
use std::{
    ffi::{OsStr, OsString},
    future::{Ready, ready},
};

/// What `--version` says.
pub(super) const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (for containers: without new, up, secret, completions and --embedded)"
);

/// Where all of it is.
const WHOLE: &str = "the whole program has it: build it with cargo's default features";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Not in this program, which is for containers
    New(Rest),
    /// Not in this program, which is for containers
    Up(Rest),
    /// Not in this program, which is for containers
    #[command(display_order = 50)]
    Secret(Rest),
    /// Not in this program, which is for containers
    #[command(display_order = 51)]
    Completions(Rest),
}

/// What follows the command: anything.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(super) struct Rest {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

impl Command {
    pub(super) fn run(self) -> Exit {
        self.mistake().exit()
    }

    /// The mistake that it is to ask this program for it.
    fn mistake(&self) -> clap::Error {
        let (name, Rest { rest }) = match self {
            Self::New(rest) => ("new", rest),
            Self::Up(rest) => ("up", rest),
            Self::Secret(rest) => ("secret", rest),
            Self::Completions(rest) => ("completions", rest),
        };
        let words = [&[OsString::from(name)], rest.as_slice()].concat().join(OsStr::new(" "));
        let words = words.to_string_lossy();
        let why = format!("`{words}` is not in this program, which is for containers; {WHOLE}");
        super::Cli::command().error(ErrorKind::InvalidSubcommand, why)
    }
}

/// In the place of a private PostgreSQL, which nothing can start in a container.
///
/// # Errors
/// Always: that it is not here.
pub(super) fn prepare(
    _: &Folder,
    _: &ServiceDefinition,
) -> Ready<Result<(Service, Diagnostics), Diagnostics>> {
    let why = "`--embedded` is not in this program, which is for containers";
    ready(Err(Diagnostic::error(Code::Machine, why).help(WHOLE).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: Command,
    }

    #[test]
    fn what_is_left_out_says_where_it_is() {
        for line in ["new notes", "up . --keeper", "secret open --key k it.gpg", "completions bash"]
        {
            let words = std::iter::once("howdah").chain(line.split(' '));
            let mistake = Cli::try_parse_from(words).unwrap().command.mistake();
            assert_eq!(mistake.exit_code(), 2, "{line}");
            let text = mistake.to_string();
            assert!(text.contains(&format!("`{line}` is not in this program")), "{text}");
            assert!(text.contains("default features"), "{text}");
        }
        assert!(Cli::try_parse_from(["howdah", "upp"]).is_err());
    }
}
