//! What the process's exit code says.

use std::process::{ExitCode, Termination};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Success,
    /// It could not, for a reason of the machine or the moment.
    Failure,
    /// The service folder is wrong.
    Folder,
    /// The database cannot be reached, or does not let us in.
    Database,
    /// It did what was asked, and found something wrong: a check of `posture` fails, a trail does not hold.
    Findings,
}

/// The table at the end of `--help`. Code 2 is the command line's own.
pub(super) const HELP: &str = "\
Exit codes:
  0  done; for `probe`: ready
  1  a failure of the machine or the moment, such as an address in use; for `probe`: not ready
  2  the command line is wrong
  3  the service folder is wrong; every error was printed
  4  the database cannot be reached, or does not let the service in
  5  `posture`: a check fails; `audit verify`: the trail does not hold

Variables: HOWDAH_… sets any value of the manifest (`howdah config` lists them),
HOWDAH_ALLOW_ROOT=1 is `serve --allow-root`, HOWDAH_POSTGRES_BIN names the programs of the private PostgreSQL, NO_COLOR turns colours off.";

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Folder => 3,
            Self::Database => 4,
            Self::Findings => 5,
        })
    }
}
