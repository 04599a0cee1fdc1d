//! Where secrets go, where they do not, and what the command line refuses.

use super::{Ended, SECRET, does, ended, mode, names, private, refuses, secret};
use crate::support::{
    eventually,
    folder::Folder,
    http::PATIENCE,
    service::{binary, howdah},
};
use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::MetadataExt,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

/// A folder with an identity `id`, its recipient, and a file that is sealed to it.
fn sealed() -> (Folder, String) {
    let folder = Folder::new("secret");
    let recipient = String::from_utf8(does(&folder, "key id", b"")).unwrap().trim().to_owned();
    does(&folder, &format!("seal -r {recipient} -o x.age"), SECRET);
    (folder, recipient)
}

#[test]
fn an_opened_secret_is_a_file_of_its_owner_alone() {
    let (folder, recipient) = sealed();
    let path = |name: &str| folder.path().join(name);
    let permissions = |name: &str| fs::metadata(path(name)).unwrap().mode() & 0o7777;
    assert!(recipient.starts_with("age1") && recipient.len() == 62);
    does(&folder, "open x.age -k id -o x", b"");
    assert_eq!(fs::read(path("x")).unwrap(), SECRET);
    assert_eq!((permissions("x"), permissions("id"), permissions("x.age")), (0o400, 0o400, 0o644));
    // What is there stays, until it is told to go.
    refuses(&folder, "open x.age -k id -o x", b"", "x is there already");
    refuses(&folder, "key id", b"", "id is there already");
    refuses(&folder, &format!("seal -r {recipient} -o x.age"), b"other", "x.age is there already");
    does(&folder, &format!("seal -r {recipient} -o x.age --force"), b"other");
    does(&folder, "open x.age -k id -o x --force", b"");
    assert_eq!((fs::read(path("x")).unwrap().as_slice(), permissions("x")), (&b"other"[..], 0o400));
    // A failure leaves nothing and takes nothing.
    let before = names(&folder);
    does(&folder, "key other", b"");
    refuses(&folder, "open x.age -k other -o y", b"", "is for another key");
    refuses(&folder, "open x.age -k other -o x --force", b"", "is for another key");
    assert_eq!(fs::read(path("x")).unwrap(), b"other");
    fs::remove_file(path("other")).unwrap();
    assert_eq!(names(&folder), before);
}

#[test]
fn places_and_files_that_will_not_do_are_named() {
    let (folder, recipient) = sealed();
    fs::create_dir(folder.path().join("open")).unwrap();
    mode(&folder.path().join("open"), 0o777);
    folder.write("large", vec![0; 1024 * 1024 + 1]);
    folder.write("empty", "");
    for (arguments, why) in [
        ("open none.age -k id", "none.age cannot be read: No such file"),
        ("open x.age -k none", "none cannot be read: No such file"),
        ("open x.age -k id -o none/x", "the folder none cannot be used"),
        ("open x.age -k id -o open/x", "everybody can replace files in the folder open"),
        ("open x.age -k id -o open", "is no plain file"),
        ("open id -k id", "is neither an age file nor an OpenPGP message"),
        ("open empty -k id", "empty is empty"),
        ("open x.age", "name the identity's file with --key"),
        ("open x.age -k empty", "empty has no key in it"),
        ("open x.age -k x.age", "is sealed to age recipients"),
        ("seal large -r R", "large is too large: at most 1048576 bytes"),
        ("seal empty -r R", "there is no secret: it is empty"),
        ("seal x.age -r age1nonsense", "is of another kind, or mistyped"),
        ("seal x.age -R empty", "empty has no recipient in it"),
        ("open x.age --passphrase-fd 77", "/proc/self/fd/77 cannot be read"),
    ] {
        let arguments = arguments.replace("-r R", &format!("-r {recipient}"));
        let why = if arguments.contains("-fd 77") { "is sealed to age recipients" } else { why };
        refuses(&folder, &arguments, b"", why);
    }
    does(&folder, "seal x.age --passphrase-fd 0 -o y.age", b"a passphrase\n");
    refuses(&folder, "open y.age --passphrase-fd 77", b"", "/proc/self/fd/77 cannot be read");
    assert_eq!(
        does(&folder, "open y.age --passphrase-fd 0", b"a passphrase"),
        fs::read(folder.path().join("x.age")).unwrap()
    );
}

#[test]
fn a_key_that_others_may_read_is_told() {
    let (folder, _) = sealed();
    mode(&folder.path().join("id"), 0o440);
    let Ended { code, out, err } = secret(&folder, "open x.age -k id", b"");
    assert_eq!((code, out.as_slice()), (0, SECRET));
    assert!(err.contains("warning[sealed]: others may read the key in id (0440)"), "{err}");
}

#[test]
fn a_wrong_command_line_is_code_2() {
    let folder = Folder::new("secret");
    private(&folder, "p", "x\n");
    for (arguments, why) in [
        ("seal p", "name whom it is sealed to"),
        ("seal p -r age1x --passphrase", "cannot be used with"),
        ("seal --passphrase-fd 0", "descriptor 0 is standard input"),
        ("open --passphrase-fd 0", "descriptor 0 is standard input"),
        ("open --passphrase-fd 3 --passphrase-file p", "cannot be used with"),
        ("open -o x --podman-secret y", "cannot be used with"),
        ("open --passphrase x", "unexpected argument"),
        ("key", "<FILE>"),
    ] {
        let ended = secret(&folder, arguments, b"");
        assert_eq!(ended.code, 2, "{arguments}: {}", ended.err);
        assert!(ended.err.contains(why), "{arguments}: {}", ended.err);
    }
}

/// A `podman` that keeps its secrets as files.
const PODMAN: &str = r#"#!/bin/sh
store=${0%/*}/store
[ "$1" = secret ] || exit 125
case "$2" in
inspect) [ -e "$store/$4" ] ;;
rm) rm "$store/$4" ;;
create)
    [ "$4" != refused ] || { cat >/dev/null; echo 'Error: no room' >&2; exit 125; }
    [ "$5" = - ] && cat >"$store/$4" ;;
*) exit 125 ;;
esac
"#;

#[test]
fn a_secret_goes_straight_into_the_store_of_podman() {
    let (folder, _) = sealed();
    fs::create_dir(folder.path().join("store")).unwrap();
    let run = |arguments: &str| {
        let mut command = howdah(["secret"]);
        command.args(arguments.split(' ')).current_dir(folder.path());
        let path = format!("{}:/usr/bin:/bin", folder.path().join("bin").display());
        command.env("PATH", path);
        ended(command, b"")
    };
    let missing = howdah(["secret", "open", "x.age", "-k", "id", "--podman-secret", "a"])
        .current_dir(folder.path())
        .env("PATH", folder.path())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&missing.stderr).contains("podman cannot be run"));
    let podman = folder.write(
        "bin/podman",
        PODMAN.replace("${0%/*}/store", &folder.path().join("store").display().to_string()),
    );
    mode(&podman, 0o755);
    let stored = || fs::read(folder.path().join("store/db-password")).unwrap();
    let first = run("open x.age -k id --podman-secret db-password");
    assert_eq!((first.code, first.err.as_str(), first.out.len()), (0, "", 0));
    assert_eq!(stored(), SECRET);
    let again = run("open x.age -k id --podman-secret db-password");
    assert_eq!(again.code, 1);
    assert!(again.err.contains("Podman has a secret db-password already"), "{}", again.err);
    assert_eq!(run("open x.age -k id --podman-secret db-password --force").code, 0);
    assert_eq!(stored(), SECRET);
    let refused = run("open x.age -k id --podman-secret refused");
    assert!(refused.err.contains("podman secret create failed: Error: no room"), "{}", refused.err);
}

/// Runs `howdah` on a terminal, and types each of `answers` when another question stands there.
fn typed(folder: &Folder, arguments: &str, answers: &[&str]) -> Option<(i32, String)> {
    if !super::is_there("script") {
        return None;
    }
    let line = format!("{} secret {arguments}", binary().display());
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env_clear().env("TERM", "xterm");
    command.env("PATH", std::env::var_os("PATH")?).env("SHELL", "/bin/sh").env("NO_COLOR", "1");
    command.current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let shown = Arc::new(Mutex::new(Vec::new()));
    let reader = {
        let shown = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut buffer = [0; 256];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                shown.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        })
    };
    let text = || String::from_utf8_lossy(&shown.lock().unwrap()).into_owned();
    for (index, answer) in answers.iter().enumerate() {
        eventually("it asks", PATIENCE, || text().matches("Type ").count() > index);
        keyboard.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    let code = child.wait().unwrap().code().unwrap();
    drop(keyboard);
    reader.join().unwrap();
    Some((code, text()))
}

#[test]
fn a_terminal_is_asked_in_silence_and_shown_no_secret() {
    let (folder, _) = sealed();
    private(&folder, "p", "open sesame\n");
    does(&folder, "seal x.age -o y.age --passphrase-file p", b"");
    let Some((code, shown)) = typed(&folder, "open x.age -k id", &[]) else { return };
    assert_eq!(code, 1, "{shown}");
    assert!(
        shown.contains("a secret is not for a terminal") && !shown.contains("horse"),
        "{shown}"
    );
    let (code, shown) = typed(&folder, "open x.age -k id --force-terminal", &[]).unwrap();
    assert!(code == 0 && shown.contains("c0rrect horse"), "{shown}");
    let (code, shown) = typed(&folder, "open y.age -o y", &["open sesame"]).unwrap();
    assert!(code == 0 && shown.contains("Type the passphrase of y.age: "), "{shown}");
    assert!(!shown.contains("sesame"), "{shown}");
    assert_eq!(
        fs::read(folder.path().join("y")).unwrap(),
        fs::read(folder.path().join("x.age")).unwrap()
    );
    let (code, shown) = typed(&folder, "open y.age -o z", &["\u{3}"]).unwrap();
    assert!(code == 1 && shown.contains("nobody gave the passphrase"), "{shown}");
    // A secret that is typed, and a passphrase that has to be typed twice.
    let answers = ["s3cret", "a passphrase", "a passphrase"];
    let (code, shown) = typed(&folder, "seal --passphrase -o t.age", &answers).unwrap();
    assert!(code == 0 && !shown.contains("s3cret") && !shown.contains("a passphrase\r"), "{shown}");
    private(&folder, "q", "a passphrase\n");
    assert_eq!(does(&folder, "open t.age --passphrase-file q", b""), b"s3cret");
    let answers = ["s3cret", "a passphrase", "another"];
    let (code, shown) = typed(&folder, "seal --passphrase -o u.age", &answers).unwrap();
    assert!(code == 1 && shown.contains("was not the same both times"), "{shown}");
    let (code, shown) = typed(&folder, "seal x.age -k id", &[]).unwrap();
    assert!(code == 1 && shown.contains("--armor writes text"), "{shown}");
}

#[test]
fn nobody_is_asked_where_there_is_no_terminal() {
    let (folder, _) = sealed();
    private(&folder, "p", "open sesame\n");
    does(&folder, "seal x.age -o y.age --passphrase-file p", b"");
    // A session of its own has no terminal, wherever the tests run.
    let mut command = Command::new("setsid");
    command.arg("-w").arg(binary()).args(["secret", "open", "y.age"]).current_dir(folder.path());
    let ended = ended(command, b"");
    assert_eq!(ended.code, 1);
    assert!(
        ended.err.contains("there is no terminal to ask for the passphrase of y.age"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("--passphrase-file"), "{}", ended.err);
}
