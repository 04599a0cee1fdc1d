//! The process, as the kernel sees it.

use crate::builtin::info::Facts;
use rustix::{
    fs::{StatVfsMountFlags, statvfs},
    process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit},
};
use std::{fs, path::Path};

/// The process, as the kernel sees it.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub struct Kernel {
    /// Every thread: a filter may bind one and miss another.
    pub threads: Vec<Thread>,
    /// Whether the process may leave a core dump: its limit, in bytes; `None` is no limit.
    pub core_limit: Option<u64>,
    /// Whether others of the same user may read its memory.
    pub is_dumpable: bool,
    /// How many descriptors it may have; `None` is no limit.
    pub descriptors: Option<u64>,
    /// Whether the root file system is mounted read-only.
    pub root_is_read_only: bool,
    /// Whether a directory outside what it needs could be read.
    pub reads_outside: bool,
    /// Whether a file could be made in the directory for temporary ones.
    pub writes_outside: bool,
    /// Whether the program's own file could be written.
    pub writes_itself: bool,
    /// Whether address spaces are laid out at random (`kernel.randomize_va_space`).
    pub randomizes: Option<u8>,
    /// The control group's limit on memory, in bytes; `None` is no limit.
    pub memory_limit: Option<u64>,
    /// The control group's limit on processes and threads; `None` is no limit.
    pub task_limit: Option<u64>,
    /// Whether it runs in a container.
    pub is_contained: bool,
}

/// A thread's status (proc(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// Real, effective, saved and file system user.
    pub users: Vec<u32>,
    /// Real, effective, saved and file system group, and the others.
    pub groups: Vec<u32>,
    /// Capabilities: effective, permitted, inheritable and ambient, or-ed.
    pub held: u64,
    /// Capabilities that a program it runs could get.
    pub bounding: u64,
    /// Whether no program that it runs can gain privileges.
    pub no_new_privileges: bool,
    /// 0 without a filter of system calls, 2 with one.
    pub seccomp: u8,
    /// The process that traces it; 0 is none.
    pub tracer: u32,
}

impl Kernel {
    pub(super) fn read() -> Self {
        Self {
            threads: threads(),
            core_limit: getrlimit(Resource::Core).maximum,
            is_dumpable: dumpable_behavior() != Ok(DumpableBehavior::NotDumpable),
            descriptors: getrlimit(Resource::Nofile).current,
            root_is_read_only: statvfs("/")
                .is_ok_and(|root| root.f_flag.contains(StatVfsMountFlags::RDONLY)),
            reads_outside: fs::read_dir("/").is_ok(),
            writes_outside: writes_outside(),
            writes_itself: std::env::current_exe()
                .is_ok_and(|path| fs::OpenOptions::new().append(true).open(path).is_ok()),
            randomizes: number("/proc/sys/kernel/randomize_va_space"),
            memory_limit: limit("memory.max", ("memory", "memory.limit_in_bytes")),
            task_limit: limit("pids.max", ("pids", "pids.max")),
            is_contained: Facts::gather("").is_contained,
        }
    }
}

/// Tries to make a file; one that could be made is removed again.
fn writes_outside() -> bool {
    let path = std::env::temp_dir().join(format!("howdah-posture-{}", std::process::id()));
    let made = fs::OpenOptions::new().write(true).create_new(true).open(&path).is_ok();
    if made {
        let _ = fs::remove_file(&path);
    }
    made
}

fn threads() -> Vec<Thread> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().filter_map(Result::ok);
    let statuses = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    statuses.map(|status| Thread::parse(&status)).collect()
}

impl Thread {
    fn parse(status: &str) -> Self {
        let field = |name: &str| {
            let mut lines = status.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default()
        };
        let numbers =
            |name| field(name).split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let mask = |name| u64::from_str_radix(field(name).trim(), 16).unwrap_or(u64::MAX);
        let mut groups: Vec<u32> = numbers("Gid");
        groups.extend::<Vec<u32>>(numbers("Groups"));
        Self {
            users: numbers("Uid"),
            groups,
            held: mask("CapEff") | mask("CapPrm") | mask("CapInh") | mask("CapAmb"),
            bounding: mask("CapBnd"),
            no_new_privileges: field("NoNewPrivs").trim() == "1",
            seccomp: field("Seccomp").trim().parse().unwrap_or_default(),
            tracer: field("TracerPid").trim().parse().unwrap_or_default(),
        }
    }
}

fn number<T: std::str::FromStr>(path: &str) -> Option<T> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// A limit of the process's control group, or of one above it: the lowest counts. `now` is its file in
/// version 2 of control groups; `before` its controller and file in version 1.
fn limit(now: &str, before: (&str, &str)) -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().filter_map(|line| limit_of(line, now, before)).min()
}

/// A line of `/proc/self/cgroup`: `0::/path` in version 2, `6:memory:/path` in version 1 (cgroups(7)).
fn limit_of(line: &str, now: &str, before: (&str, &str)) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, group) = (parts.next()?, parts.next()?);
    let root = Path::new("/sys/fs/cgroup");
    let (root, name) = if controllers.is_empty() {
        (root.to_owned(), now)
    } else if controllers.split(',').any(|it| it == before.0) {
        (root.join(before.0), before.1)
    } else {
        return None;
    };
    // In a container the path may be the host's; the root is its own group then.
    let own = root.join(group.trim_start_matches('/'));
    own.ancestors()
        .take_while(|path| path.starts_with(&root))
        .filter_map(|path| fs::read_to_string(path.join(name)).ok()?.trim().parse().ok())
        .filter(|limit| *limit < UNLIMITED)
        .min()
}

/// From here on a limit is none: version 1 writes the largest number of whole pages.
const UNLIMITED: u64 = 1 << 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_the_kernel_writes_it() {
        let status = "Name:\thowdah\nTracerPid:\t7\nUid:\t0\t1\t2\t3\nGid:\t4\t4\t4\t4\n\
            Groups:\t10 20 \nCapInh:\t0000000000000000\nCapPrm:\t0000000000000001\n\
            CapEff:\t0000000000000002\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000004\n\
            NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";
        let thread = Thread::parse(status);
        assert_eq!(thread.users, [0, 1, 2, 3]);
        assert_eq!(thread.groups, [4, 4, 4, 4, 10, 20]);
        assert_eq!((thread.held, thread.bounding), (7, 0x1ff_ffff_ffff));
        assert!(thread.no_new_privileges);
        assert_eq!((thread.seccomp, thread.tracer), (2, 7));
    }

    #[test]
    fn what_the_kernel_does_not_say_counts_as_the_worst() {
        let thread = Thread::parse("");
        assert!(thread.users.is_empty() && !thread.no_new_privileges);
        assert_eq!((thread.held, thread.seccomp), (u64::MAX, 0));
    }
}
