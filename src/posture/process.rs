//! Checks of the process, by the kernel's word.

use super::{Area, Check, Evidence, Severity, Verdict, evidence::Thread};
use crate::definition::route::Action;

/// `CAP_NET_RAW` (capabilities(7)).
const NET_RAW: u64 = 1 << 13;

macro_rules! process {
    ($id:literal, $title:literal, $severity:ident, $why:literal, $remedy:literal, $controls:expr, $judge:expr) => {
        Check {
            id: $id,
            title: $title,
            area: Area::Process,
            severity: Severity::$severity,
            why: $why,
            remedy: $remedy,
            controls: &$controls,
            judge: $judge,
        }
    };
}

/// Whether `good` holds for every thread.
fn every(evidence: &Evidence, good: fn(&Thread) -> bool, fine: &str, bad: &str) -> Verdict {
    let threads = &evidence.kernel.threads;
    let wrong = threads.iter().filter(|thread| !good(thread)).count();
    let found = format!("{bad} ({wrong} of {} threads)", threads.len());
    Verdict::unless_found(wrong == 0 && !threads.is_empty(), fine, found)
}

fn capabilities(evidence: &Evidence) -> Verdict {
    let held = evidence.kernel.threads.iter().fold(0, |held, thread| held | thread.held);
    let pings = evidence.config.routes.iter().any(|it| matches!(it.action, Action::Ping { .. }));
    if held == NET_RAW && pings {
        return Verdict::Pass("CAP_NET_RAW alone, which `ping` needs on this host".to_owned());
    }
    Verdict::of(held == 0, format!("capabilities held: {held:#x}"))
}

pub(super) const CHECKS: &[Check] = &[
    process!(
        "not-root",
        "The process is not root's",
        Critical,
        "Whoever takes over a process of root owns the machine, or the container.",
        "Start it as another user, or with `--user NAME`.",
        ["NIST AC-6", "CIS Docker: a user for the container has been created"],
        |evidence| every(
            evidence,
            |it| !it.users.is_empty() && !it.users.contains(&0),
            "no user id is 0",
            "a user id is 0"
        )
    ),
    process!(
        "not-roots-group",
        "The process is in no group of root's",
        Medium,
        "Files of root's group are often readable or writable by it.",
        "Start it with a group of its own: `--user NAME` does.",
        ["NIST AC-6"],
        |evidence| every(
            evidence,
            |it| !it.groups.contains(&0),
            "no group id is 0",
            "a group id is 0"
        )
    ),
    process!(
        "no-new-privileges",
        "No program that it runs can gain privileges",
        High,
        "A set-user-id program would be a way back to root.",
        "It is set by `serve` itself; look for a warning of its log.",
        ["NIST AC-6(10)", "CIS Docker: restricted from acquiring additional privileges"],
        |evidence| every(
            evidence,
            |it| it.no_new_privileges,
            "no_new_privs is set",
            "no_new_privs is not set"
        )
    ),
    process!(
        "no-capabilities",
        "It holds no capability",
        High,
        "Capabilities are root's power in parts.",
        "It drops them itself; look for a warning of its log.",
        ["NIST AC-6", "CIS Docker: kernel capabilities are restricted"],
        capabilities
    ),
    process!(
        "empty-bounding-set",
        "No capability can be gained",
        Medium,
        "What is in the bounding set can come back with a program's file capabilities.",
        "Start the container with every capability dropped, or the process as root with `--user`.",
        ["NIST AC-6(10)", "CIS Docker: kernel capabilities are restricted"],
        |evidence| every(
            evidence,
            |it| it.bounding == 0 || it.no_new_privileges && !it.users.contains(&0),
            "the bounding set is empty, or out of reach behind no_new_privs",
            "the bounding set is not empty"
        )
    ),
    process!(
        "system-calls-filtered",
        "Every thread may make only the system calls that it needs",
        High,
        "Most ways out of a process go through a call that it never makes by itself.",
        "Leave `hardening.system_calls` on; the kernel needs CONFIG_SECCOMP_FILTER.",
        ["NIST CM-7", "NIST SC-39", "CIS Docker: the default seccomp profile is not disabled"],
        |evidence| every(
            evidence,
            |it| it.seccomp == 2,
            "seccomp filters every thread",
            "seccomp does not filter"
        )
    ),
    process!(
        "files-confined",
        "It cannot read outside of what it needs",
        Medium,
        "A hole that reads any file would reach keys and other services' data.",
        "Leave `hardening.files` on; Landlock needs Linux 5.13.",
        ["NIST AC-3", "NIST AC-6"],
        |evidence| Verdict::unless_found(
            !evidence.kernel.reads_outside,
            "the root directory cannot be listed",
            "the root directory can be listed"
        )
    ),
    process!(
        "writes-nothing",
        "It cannot make files",
        Medium,
        "What an attacker cannot write, they cannot run or leave behind.",
        "Leave `hardening.files` on, and the container's root file system read-only.",
        ["NIST AC-3", "NIST CM-5"],
        |evidence| Verdict::unless_found(
            !evidence.kernel.writes_outside,
            "no file could be made in the temporary directory",
            "a file could be made in the temporary directory"
        )
    ),
    process!(
        "program-not-writable",
        "It cannot change its own program",
        High,
        "Whoever can change the program keeps what they have won after a restart.",
        "Let the program's file belong to root, or be in a read-only image.",
        ["NIST SI-7", "NIST CM-5"],
        |evidence| Verdict::unless_found(
            !evidence.kernel.writes_itself,
            "its file cannot be opened for writing",
            "its file can be opened for writing"
        )
    ),
    process!(
        "no-core-dumps",
        "A crash leaves no core dump",
        Medium,
        "A core dump holds the memory with every secret in it.",
        "It is set by `serve` itself; look for a warning of its log.",
        ["NIST SC-4", "NIST SI-11"],
        |evidence| {
            let limit = evidence.kernel.core_limit;
            let found = limit.map_or_else(|| "no limit".to_owned(), |it| format!("{it} bytes"));
            Verdict::of(limit == Some(0), format!("the limit on core dumps is {found}"))
        }
    ),
    process!(
        "not-dumpable",
        "Others of its user cannot read its memory",
        Medium,
        "Without it, any process of the same user can attach and read secrets.",
        "It is set by `serve` itself; look for a warning of its log.",
        ["NIST SC-4", "NIST SC-39"],
        |evidence| Verdict::unless_found(
            !evidence.kernel.is_dumpable,
            "the process is not dumpable",
            "the process is dumpable"
        )
    ),
    process!(
        "not-traced",
        "Nobody traces it",
        High,
        "A tracer reads and changes everything.",
        "End the debugger.",
        ["NIST SC-39"],
        |evidence| every(evidence, |it| it.tracer == 0, "no tracer", "a tracer is attached")
    ),
    process!(
        "addresses-randomized",
        "Address spaces are laid out at random",
        Medium,
        "Known addresses turn a small memory error into control of the process.",
        "Set the kernel's `kernel.randomize_va_space` to 2.",
        ["NIST SI-16", "CIS Linux: address space layout randomization is enabled"],
        |evidence| match evidence.kernel.randomizes {
            Some(value) => Verdict::of(value == 2, format!("kernel.randomize_va_space is {value}")),
            None => Verdict::Skip("the kernel does not say".to_owned()),
        }
    ),
    process!(
        "descriptors-suffice",
        "It may have a descriptor for every connection",
        Low,
        "Out of descriptors it can neither accept nor reconnect.",
        "Raise the hard limit on open files above `limits.connections`.",
        ["NIST SC-5"],
        |evidence| {
            let wanted = evidence.config.limits.connections as u64 + 256;
            let limit = evidence.kernel.descriptors.unwrap_or(u64::MAX);
            Verdict::of(
                limit >= wanted,
                format!(
                    "{limit} descriptors for {} connections",
                    evidence.config.limits.connections
                ),
            )
        }
    ),
    process!(
        "root-file-system-read-only",
        "The container's root file system is read-only",
        Medium,
        "Nothing can be left behind in the container.",
        "Run the container with `read_only: true`.",
        ["NIST CM-5", "CIS Docker: the container's root filesystem is mounted as read only"],
        |evidence| if evidence.kernel.is_contained {
            Verdict::unless_found(
                evidence.kernel.root_is_read_only,
                "mounted read-only",
                "mounted read-write",
            )
        } else {
            Verdict::Skip("not in a container".to_owned())
        }
    ),
    process!(
        "memory-limited",
        "The container's memory is limited",
        Low,
        "A flood that fills memory takes the neighbours down, too.",
        "Give the container a memory limit.",
        ["NIST SC-5(2)", "CIS Docker: memory usage for containers is limited"],
        |evidence| limited(evidence, evidence.kernel.memory_limit, "bytes")
    ),
    process!(
        "tasks-limited",
        "The container's processes are limited",
        Low,
        "A fork bomb takes the host down.",
        "Give the container a limit on processes.",
        ["NIST SC-5(2)", "CIS Docker: the PIDs cgroup limit is used"],
        |evidence| limited(evidence, evidence.kernel.task_limit, "tasks")
    ),
];

fn limited(evidence: &Evidence, limit: Option<u64>, unit: &str) -> Verdict {
    match limit {
        Some(limit) => Verdict::Pass(format!("{limit} {unit}")),
        None if !evidence.kernel.is_contained => Verdict::Skip("not in a container".to_owned()),
        None => Verdict::Fail("no limit".to_owned()),
    }
}
