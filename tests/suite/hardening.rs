//! What a serving process has given up, read back from the kernel.

mod keeper;

use crate::support::{
    folder::Folder,
    service::{self, howdah},
};
use rustix::{io::Errno, process::geteuid};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::{fs, os::unix::fs::PermissionsExt, thread};

const MANIFEST: &str = "[service]\nname = \"bare\"\n\n[[route]]\nget = \"/\"\nreply = \"here\"\n";

/// A service without a database, in a folder that anybody may read.
fn folder() -> Folder {
    let folder = Folder::new("hardening");
    folder.write("howdah.toml", MANIFEST);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The value of `key` in the status of each of the process's threads.
fn of_every_thread(pid: u32, key: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .map(|task| {
            let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix(&format!("{key}:")));
            line.unwrap().split_whitespace().next().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn every_thread_has_given_up_privileges_capabilities_and_calls() {
    let folder = folder();
    let service = service::serve(folder.path()).env("HOWDAH_HARDENING_REQUIRED", "on").start();
    assert_eq!(service.get("/").text(), "here");
    has_given_up_everything(service.pid());
}

fn has_given_up_everything(pid: u32) {
    for (key, wanted) in [
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
        ("CapEff", "0000000000000000"),
        ("CapPrm", "0000000000000000"),
        ("CapInh", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
    ] {
        let threads = of_every_thread(pid, key);
        assert!(threads.len() > 1, "{threads:?}");
        assert!(threads.iter().all(|value| value == wanted), "{key}: {threads:?}");
    }
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert_eq!(core.split_whitespace().nth(5), Some("0"), "{core}");
}

#[test]
fn what_is_switched_off_is_not_in_force() {
    let folder = folder();
    let service = service::serve(folder.path()).env("HOWDAH_HARDENING_SYSTEM_CALLS", "off").start();
    let threads = of_every_thread(service.pid(), "Seccomp");
    assert!(threads.iter().all(|value| value == "0"), "{threads:?}");
}

/// Runs something on a kernel that has no Landlock.
fn without_landlock<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    // landlock_create_ruleset: the same number on every architecture.
    without_call(444, Errno::NOSYS, run)
}

/// Runs something where a filter answers a system call with `error`.
pub(crate) fn without_call<T: Send>(
    number: i64,
    error: Errno,
    run: impl FnOnce() -> T + Send,
) -> T {
    let calls = [(number, Vec::new())].into_iter().collect();
    let answer = SeccompAction::Errno(error.raw_os_error().unsigned_abs());
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, answer, architecture).unwrap();
    let program = BpfProgram::try_from(filter).unwrap();
    // It holds for that thread and what it starts.
    let filtered = || {
        seccompiler::apply_filter(&program).unwrap();
        run()
    };
    thread::scope(|scope| scope.spawn(filtered).join().unwrap())
}

#[test]
fn what_the_kernel_lacks_is_told_in_plain_words() {
    let folder = folder();
    let told = "not hardened by Landlock: the kernel does not have it";
    let serve = |required| {
        let service = service::serve(folder.path());
        service.env("HOWDAH_HARDENING_REQUIRED", required)
    };
    let refused = without_landlock(|| serve("on").refused());
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains(told) && refused.contains("`hardening.required` is on"), "{refused}");
    let log = without_landlock(|| {
        let service = serve("off").start();
        assert_eq!(service.get("/").text(), "here");
        // What it has is in force all the same.
        assert!(of_every_thread(service.pid(), "Seccomp").iter().all(|value| value == "2"));
        service.stop().1
    });
    assert!(log.contains(told), "{log}");
}

#[test]
fn root_serves_only_when_told_and_can_step_down() {
    if !geteuid().is_root() {
        // Nobody else can be refused for being root, nor become another user.
        eprintln!("not root: the refusal of root is not checked");
        return;
    }
    let folder = folder();
    let refused = howdah(["serve"]).arg(folder.path()).env_clear().output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("root must not serve") && said.contains("--user NAME"), "{said}");

    let ready = Folder::new("anybody");
    fs::set_permissions(ready.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let service = service::serve(folder.path())
        .env("HOWDAH_ALLOW_ROOT", "0")
        .arg("--user")
        .arg("65534:65533")
        .ready_in(ready)
        .start();
    assert_eq!(service.get("/").text(), "here");
    assert!(of_every_thread(service.pid(), "Uid").iter().all(|value| value == "65534"));
    assert!(of_every_thread(service.pid(), "Gid").iter().all(|value| value == "65533"));
    assert!(of_every_thread(service.pid(), "CapBnd").iter().all(|it| it == "0000000000000000"));
}

#[test]
fn a_user_who_is_none_is_told_so() {
    let folder = folder();
    for (user, wanted) in [("ghost-of-nobody", "there is no user"), ("0", "that is root")] {
        let arguments = ["serve", "--user", user];
        let refused =
            howdah(arguments).arg(folder.path()).env_remove("HOWDAH_ALLOW_ROOT").output().unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
}
