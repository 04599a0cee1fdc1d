//! `new`, `check` and `up` for a user who is nobody in particular, with a home of their own; and
//! Ctrl-C, which a terminal sends to the whole process group.

use crate::support::{eventually, folder::Folder, http, processes, reaper, service::binary};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

/// The user and group that Debian and Fedora call nobody.
const NOBODY: u32 = 65_534;

/// The binary in `folder`, to be run there as nobody when this process is root, else as its user.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(folder.join("howdah"));
    command.args(arguments).current_dir(folder).env_clear().env("HOME", folder);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.process_group(0);
    command
}

#[test]
fn a_plain_user_has_a_service_in_three_commands_and_ctrl_c_leaves_nothing() {
    let folder = Folder::new("plain");
    let path = folder.path();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    // Where it was built may be closed to others.
    fs::copy(binary(), path.join("howdah")).unwrap();
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for arguments in [["new", "notes"], ["check", "notes"]] {
        let output = command(path, &arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    let ready = path.join("ready");
    let mut up = command(path, &["up", "notes", "--ready-file", "ready", "--threads=1"]);
    up.env("HOWDAH_LISTEN_HTTP", "127.0.0.1:0").env("HOWDAH_LISTEN_ADMIN", "127.0.0.1:0");
    let log = fs::File::create(path.join("log")).unwrap();
    let mut up = up.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    reaper::watch(up.id());
    let log = || fs::read_to_string(path.join("log")).unwrap_or_default();
    eventually("it is up", Duration::from_mins(1), || {
        assert_eq!(up.try_wait().unwrap(), None, "{}", log());
        ready.exists()
    });
    let said: Value = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
    let at = said["http"].as_str().unwrap().parse().unwrap();
    let notes = http::send(at, "GET", "/notes", &[], b"").unwrap();
    assert_eq!((notes.status, notes.json()["notes"][0]["id"].as_i64()), (200, Some(3)), "{notes}");
    assert_eq!(processes::postmasters(path).len(), 1);

    kill_process_group(Pid::from_child(&up), Signal::INT).unwrap();
    reaper::forget(up.id());
    let status = up.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{}", log());
    eventually("all are gone", Duration::from_secs(5), || processes::naming(path).is_empty());
}
