//! Ends what a test started when the test process itself was killed.
//!
//! A shell script holds the list of processes and waits on a pipe from the test process; when the
//! pipe closes, it kills those that are left.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{ChildStdin, Command, Stdio},
    sync::{Mutex, OnceLock},
};

const SCRIPT: &str = r#"
trap '' INT TERM HUP PIPE
left=' '
while read -r word pid; do
    case $word in
    watch) left="$left$pid " ;;
    forget) left="${left%% "$pid" *} ${left#* "$pid" }" ;;
    esac
done
for pid in $left; do kill -KILL "$pid" 2>/dev/null; done
"#;

/// Has `pid` killed when this process goes before [`forget`].
pub fn watch(pid: u32) {
    tell("watch", pid);
}

/// Takes `pid` off the list; it is about to be waited for.
pub fn forget(pid: u32) {
    tell("forget", pid);
}

fn tell(word: &str, pid: u32) {
    static PIPE: OnceLock<Mutex<ChildStdin>> = OnceLock::new();
    let pipe = PIPE.get_or_init(|| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).process_group(0).stdin(Stdio::piped());
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        Mutex::new(command.spawn().expect("/bin/sh runs").stdin.take().unwrap())
    });
    let mut pipe = pipe.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    writeln!(pipe, "{word} {pid}").expect("the reaper listens");
}
