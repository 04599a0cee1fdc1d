//! How findings are shown to a person.

use super::Exit;
use crate::diagnostic::{Code, Diagnostics};
use std::io::{IsTerminal, Write};

/// Whether standard error takes colours (<https://no-color.org>).
fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
}

/// Writes to standard output. A reader that has closed it, as `head` does, is no reason to fail.
pub(super) fn print(text: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_fmt(text).and_then(|()| out.flush());
}

/// Writes a line to standard output, as `println!` does, and does not mind when it is closed.
macro_rules! say {
    ($($line:tt)+) => {
        $crate::cli::show::print(format_args!("{}\n", format_args!($($line)+)))
    };
}
pub(super) use say;

/// The same to standard error.
macro_rules! complain {
    ($($line:tt)+) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($line)+);
    }};
}
pub(super) use complain;

/// Prints findings, and a line that counts them when there is more than one.
pub(super) fn diagnostics(found: &Diagnostics) {
    if found.is_empty() {
        return;
    }
    let mut text = found.render(colour());
    let (errors, warnings) = found.counts();
    if errors + warnings > 1 {
        text.push_str(&counted(errors, warnings));
        text.push('\n');
    }
    // What the log said before is read before.
    crate::observe::flush();
    // A closed standard error is no reason to fail.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// `3 errors, 1 warning`.
pub(super) fn counted(errors: usize, warnings: usize) -> String {
    let plural = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    match (errors, warnings) {
        (errors, 0) => plural(errors, "error"),
        (0, warnings) => plural(warnings, "warning"),
        (errors, warnings) => {
            format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"))
        }
    }
}

/// Prints findings that stop the command, and gives the exit code they stand for.
pub(super) fn failed(found: &Diagnostics) -> Exit {
    diagnostics(found);
    exit_for(found)
}

/// The exit code that findings stand for: the database's when nothing else is wrong.
pub(super) fn exit_for(found: &Diagnostics) -> Exit {
    let errors = || found.iter().filter(|it| it.severity() == crate::diagnostic::Severity::Error);
    if errors().next().is_none() {
        Exit::Failure
    } else if errors().all(|it| matches!(it.code(), Code::Database | Code::ServerVersion)) {
        Exit::Database
    } else if errors().all(|it| matches!(it.code(), Code::Listen | Code::Machine | Code::Sealed)) {
        Exit::Failure
    } else {
        Exit::Folder
    }
}
