//! What the process gives up before it serves: root, privileges, files, system calls.
//!
//! Owns the order in which that is done and what the kernel could not do. It happens while the
//! process has one thread, before any runtime starts: Landlock and seccomp bind the thread that asks
//! and those that it starts later, never its siblings. Does not own what is in force afterwards, which
//! `posture` reads back from the kernel.

mod calls;
mod files;
mod privileges;
mod user;

pub use user::User;

use crate::diagnostic::{Code, Diagnostic};
use rustix::{
    fs::Mode,
    process::{
        DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask,
    },
    thread::set_no_new_privs,
};
use std::path::PathBuf;

/// Which process it is: each makes system calls of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Process {
    /// `howdah serve`.
    #[default]
    Service,
    /// `howdah keeper`.
    Keeper,
}

/// What the process still needs after it was hardened.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Which process it is.
    pub process: Process,
    /// The user to become; `None` stays who it is.
    pub user: Option<User>,
    /// Files and directories that are read later: the service folder, directories of secrets.
    pub reads: Vec<PathBuf>,
    /// Directories in which files are made, renamed and removed: a ready file's, a socket's.
    pub writes: Vec<PathBuf>,
    /// Whether raw sockets are needed: `ping` where the kernel has no sockets for it. The one
    /// capability that may stay, when it is there.
    pub raw_sockets: bool,
    /// Whether files are confined by Landlock.
    pub confines_files: bool,
    /// Whether system calls are filtered by seccomp.
    pub filters_calls: bool,
}

/// A measure that is not in force, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// The measure, as documentation names it.
    pub measure: &'static str,
    /// What the kernel said, or lacks.
    pub reason: String,
}

impl std::fmt::Display for Shortfall {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "not hardened by {}: {}", self.measure, self.reason)
    }
}

/// Gives up everything but `needs`. Gives what the kernel could not do; the rest is in force.
///
/// # Errors
/// When the process has more than one thread, or cannot become the user that it was told to be: to
/// go on as somebody else would be a lie.
pub fn apply(needs: &Needs) -> Result<Vec<Shortfall>, Box<Diagnostic>> {
    single_thread()?;
    let mut shortfalls = Vec::new();
    let mut attempt = |measure, outcome: Result<(), String>| {
        if let Err(reason) = outcome {
            shortfalls.push(Shortfall { measure, reason });
        }
    };
    attempt("the bounding set", privileges::empty_bounding_set());
    let keeps = privileges::kept(needs.raw_sockets);
    if let Some(user) = &needs.user {
        attempt("keeping a capability", privileges::keep_across_users(keeps));
        user.become_it()?;
    }
    // Files that it makes are its own business.
    umask(Mode::RWXG | Mode::RWXO);
    attempt("the limit on core dumps", no_core_dumps());
    attempt("the limit on open files", all_descriptors());
    attempt("not being dumpable", kernel(set_dumpable_behavior(DumpableBehavior::NotDumpable)));
    attempt("no_new_privs", kernel(set_no_new_privs(true)));
    attempt("dropping capabilities", privileges::drop_capabilities(keeps));
    if needs.confines_files {
        attempt("Landlock", files::confine(&needs.reads, &needs.writes));
    }
    if needs.filters_calls {
        attempt("seccomp", calls::filter(needs.process));
    }
    Ok(shortfalls)
}

/// What confines this process now, by the kernel's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Whether a directory that it does not need is out of its reach.
    pub files: bool,
    /// Whether every thread's system calls are filtered, and no program could gain privileges.
    pub system_calls: bool,
}

/// Tries what must not be possible, and reads the status of every thread (proc(5)).
pub fn in_force() -> InForce {
    let is_filtered = |status: &str| {
        let has = |line: &str| status.lines().any(|it| it == line);
        has("Seccomp:\t2") && has("NoNewPrivs:\t1")
    };
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut statuses =
        tasks.map(|it| std::fs::read_to_string(it.path().join("status")).unwrap_or_default());
    // A thread that ended meanwhile has no status.
    let system_calls = statuses.all(|status| status.is_empty() || is_filtered(&status));
    InForce { files: std::fs::read_dir("/").is_err(), system_calls }
}

/// Landlock and seccomp would miss a thread that is there already.
fn single_thread() -> Result<(), Box<Diagnostic>> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads == 1 {
        return Ok(());
    }
    let message = format!("the process cannot be hardened: it has {threads} threads already");
    Err(Diagnostic::error(Code::Machine, message).boxed())
}

/// A core dump would hold every secret that the process knows.
fn no_core_dumps() -> Result<(), String> {
    kernel(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }))
}

/// A connection is a descriptor, and the soft limit is for programs that use `select`.
fn all_descriptors() -> Result<(), String> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return Ok(());
    }
    kernel(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }))
}

fn kernel(outcome: rustix::io::Result<()>) -> Result<(), String> {
    outcome.map_err(|error| error.to_string())
}
