//! How the kernel schedules a serving process, read back from proc(5).

use crate::{
    hardening::without_call,
    support::{folder::Folder, service},
};
use rustix::io::Errno;
use std::fs;

/// `SCHED_OTHER` and `SCHED_BATCH` of sched(7).
const OTHER: &str = "0";
const BATCH: &str = "3";
/// What the log says where it cannot be had.
const TOLD: &str = "threads are scheduled as those of other programs";

/// The policy and the niceness of each thread: fields 41 and 19 of its `stat`.
fn of_every_thread(pid: u32) -> Vec<(String, String)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let stats = tasks.map(|it| fs::read_to_string(it.unwrap().path().join("stat")).unwrap());
    stats
        .map(|stat| {
            // The name, field 2, stands in parentheses and may hold anything.
            let behind: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
            (behind[41 - 3].to_owned(), behind[19 - 3].to_owned())
        })
        .collect()
}

/// A service without a database.
fn folder() -> Folder {
    let folder = Folder::new("scheduling");
    let manifest = "[service]\nname = \"bare\"\n\n[[route]]\nget = \"/\"\nreply = \"here\"\n";
    folder.write("howdah.toml", manifest);
    folder
}

#[test]
fn threads_do_not_interrupt_unless_the_manifest_says_so() {
    let folder = folder();
    let own = of_every_thread(std::process::id());
    for (setting, policy) in [("batch", BATCH), ("normal", OTHER)] {
        let service =
            service::serve(folder.path()).env("HOWDAH_PROCESS_SCHEDULING", setting).start();
        assert_eq!(service.get("/").text(), "here");
        let threads = of_every_thread(service.pid());
        assert!(threads.len() > 1, "{threads:?}");
        let wanted = (policy.to_owned(), own[0].1.clone());
        assert!(
            threads.iter().all(|it| *it == wanted),
            "{setting}: {threads:?}, as nice as {own:?}"
        );
        assert!(!service.stop().1.contains(TOLD));
    }
}

#[test]
fn a_sandbox_that_forbids_it_is_told_of_and_served_in() {
    let folder = folder();
    let serve = |scheduling| {
        without_call(libc::SYS_sched_setscheduler, Errno::PERM, || {
            let service = service::serve(folder.path());
            let service = service.env("HOWDAH_PROCESS_SCHEDULING", scheduling).start();
            assert_eq!(service.get("/").text(), "here");
            assert!(of_every_thread(service.pid()).iter().all(|(policy, _)| policy == OTHER));
            service.stop().1
        })
    };
    let log = serve("batch");
    assert!(log.contains(TOLD), "{log}");
    let log = serve("normal");
    assert!(!log.contains(TOLD), "{log}");
}
