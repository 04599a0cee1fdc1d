//! A postmaster whose `howdah up` was killed: finding it and stopping it.

use super::Progress;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How long each signal is given.
const PATIENCE: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(20)),
    (Signal::QUIT, Duration::from_secs(5)),
    (Signal::KILL, Duration::from_secs(5)),
];

/// Stops the postmaster that serves `data`, if one still does. The caller holds the folder's lock,
/// so that it is nobody's.
pub(super) async fn stop(data: &Path, progress: &(dyn Fn(Progress) + Sync)) {
    let file = data.join("postmaster.pid");
    let Some(pid) = recorded(&file) else { return };
    if !serves(pid, data) {
        if test_kill_process(pid).is_ok() {
            // The number is another process's by now, and PostgreSQL would take that one for a
            // postmaster. Backends that are left would still be found by their shared memory.
            let _ = fs::remove_file(&file);
        }
        return;
    }
    progress(Progress::StoppingOrphan { pid: pid.as_raw_nonzero().get().unsigned_abs() });
    for (signal, patience) in PATIENCE {
        let _ = kill_process(pid, signal);
        let since = Instant::now();
        while since.elapsed() < patience {
            if !serves(pid, data) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The first line of `postmaster.pid`; a negative number is a single-user server's.
fn recorded(file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(file).ok()?;
    let number: i32 = text.lines().next()?.trim().parse().ok()?;
    Pid::from_raw(number.checked_abs()?)
}

/// Whether the process is a PostgreSQL that was started on the folder `data`: its own command line
/// says so. Numbers of processes are used again, so the number alone says nothing.
fn serves(pid: Pid, data: &Path) -> bool {
    let number = pid.as_raw_nonzero();
    let words = match fs::read(format!("/proc/{number}/cmdline")) {
        Ok(line) => line,
        Err(_) if Path::new("/proc/self/cmdline").exists() => return false,
        Err(_) => ps(number.get()),
    };
    let data = data.as_os_str().as_encoded_bytes();
    let mut parts = words.split(|byte| *byte == 0);
    let program = parts.next().unwrap_or_default();
    program.windows(8).any(|window| window == b"postgres")
        && (parts.any(|part| part == data) || contains(program, data))
}

/// The command line where there is no `/proc`, as one line.
fn ps(number: i32) -> Vec<u8> {
    Command::new("ps")
        .args(["-ww", "-o", "args=", "-p", &number.to_string()])
        .stdin(Stdio::null())
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default()
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len().max(1)).any(|window| window == part)
}
