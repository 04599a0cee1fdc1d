//! `howdah secret`: what it opens and seals, together with the programs that others use, and where
//! secrets go and where they do not.

mod command;
mod openpgp;
mod programs;

use crate::support::{folder::Folder, service::howdah};
use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

/// A secret with what text programs would lose.
const SECRET: &[u8] = b"c0rrect horse\n\x00\xff\r\n";

/// How a command ended: its code, output and complaints.
struct Ended {
    code: i32,
    out: Vec<u8>,
    err: String,
}

/// Runs a command that reads `input`.
fn ended(mut command: Command, input: &[u8]) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    // Beside reading, lest both wait; one that does not read is no failure.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    Ended { code: output.status.code().expect("no signal"), out: output.stdout, err }
}

/// `howdah secret` with these arguments, separated by spaces, in `folder`.
fn secret(folder: &Folder, arguments: &str, input: &[u8]) -> Ended {
    let mut command = howdah(["secret"]);
    command.args(arguments.split(' ')).current_dir(folder.path());
    ended(command, input)
}

/// The same, and it succeeds without a word.
fn does(folder: &Folder, arguments: &str, input: &[u8]) -> Vec<u8> {
    let ended = secret(folder, arguments, input);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "howdah secret {arguments}");
    ended.out
}

/// The same, and it fails with code 1, saying this.
fn refuses(folder: &Folder, arguments: &str, input: &[u8], why: &str) {
    let ended = secret(folder, arguments, input);
    assert_eq!(ended.code, 1, "howdah secret {arguments}: {}", ended.err);
    assert!(ended.err.contains(why), "howdah secret {arguments}: {}", ended.err);
    assert!(ended.out.is_empty(), "howdah secret {arguments}: something came out");
}

/// A file that is its owner's alone.
fn private(folder: &Folder, name: &str, text: impl AsRef<[u8]>) {
    mode(&folder.write(name, text), 0o400);
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The names of what is in the folder.
fn names(folder: &Folder) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> =
        entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Whether the program is there; the test that needs it is left out otherwise.
fn is_there(program: &str) -> bool {
    let known = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    let there = known.is_ok_and(|status| status.success());
    if !there {
        assert!(std::env::var_os("CI").is_none(), "CI has `{program}`: scripts/setup test");
        eprintln!("skipped: this machine has no `{program}`");
    }
    there
}
