//! A child that never outlives its owner.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::{
    io,
    process::{Command, ExitStatus},
    thread,
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// How long a fast shutdown may take: PostgreSQL writes a checkpoint.
const FAST: Duration = Duration::from_secs(20);
/// How long an immediate shutdown may take.
const IMMEDIATE: Duration = Duration::from_secs(5);
/// How long dropping may block.
const DROP: Duration = Duration::from_secs(5);

/// A running child. Dropping it stops it and waits for it.
pub(super) struct Process {
    pid: Pid,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts `command`; a thread of its own waits for its end.
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        let mut child = command.spawn()?;
        let pid = Pid::from_child(&child);
        let (tell, ended) = watch::channel(None);
        thread::Builder::new().name("postgres-wait".to_owned()).spawn(move || {
            // Waiting for one's own child fails only when somebody else has waited for it.
            tell.send_replace(Some(child.wait().unwrap_or_default()));
        })?;
        Ok(Self { pid, ended })
    }

    /// How it ended, once it has.
    pub(super) fn exit(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    /// Waits until it ends.
    pub(super) async fn ended(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        let status = ended.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        status.unwrap_or_default()
    }

    /// Stops a postmaster: a fast shutdown, past a deadline an immediate one, at last by force.
    pub(super) async fn stop(self) {
        for (signal, patience) in [(Signal::INT, FAST), (Signal::QUIT, IMMEDIATE)] {
            self.signal(signal);
            if timeout(patience, self.ended()).await.is_ok() {
                return;
            }
        }
        self.kill();
        self.ended().await;
    }

    fn signal(&self, signal: Signal) {
        // A child that has ended was waited for, and its number may be another's by now.
        if self.exit().is_none() {
            let _ = kill_process(self.pid, signal);
        }
    }

    fn kill(&self) {
        if self.exit().is_none() {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::INT);
        let since = std::time::Instant::now();
        // A child of a shell's background job has inherited that it ignores the signal.
        while self.exit().is_none() && since.elapsed() < DROP {
            thread::sleep(Duration::from_millis(5));
        }
        self.kill();
        while self.exit().is_none() && since.elapsed() < 2 * DROP {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::process::CommandExt, time::Instant};

    fn shell(script: &str) -> Process {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).process_group(0);
        Process::spawn(command).unwrap()
    }

    #[tokio::test]
    async fn the_end_is_heard() {
        let process = shell("exit 7");
        assert_eq!(process.ended().await.code(), Some(7));
        assert_eq!(process.exit().and_then(|status| status.code()), Some(7));
    }

    #[test]
    fn dropping_stops_it() {
        let process = shell("sleep 60");
        let pid = process.pid;
        let since = Instant::now();
        drop(process);
        assert!(since.elapsed() < Duration::from_secs(30), "it does not wait for the sleep");
        assert!(rustix::process::test_kill_process(pid).is_err());
    }
}
