//! What a person at a terminal sees: colours unless they are refused, and a log in text. The
//! terminal is that of util-linux's `script`.

use crate::support::{
    eventually,
    folder::Folder,
    http::PATIENCE,
    service::{binary, project},
};
use std::process::{Command, Stdio};

/// `howdah` with these arguments on a terminal; none where there is no `script`.
fn on_a_terminal(arguments: &str) -> Option<Command> {
    let line = format!("{} {arguments}", binary().display());
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .env_clear()
        .env("TERM", "xterm")
        .env("HOWDAH_ALLOW_ROOT", "1");
    command.env("PATH", std::env::var_os("PATH")?).env("SHELL", "/bin/sh").stdin(Stdio::null());
    let known = Command::new("script").arg("--version").stdout(Stdio::null()).status();
    if known.is_ok_and(|status| status.success()) {
        Some(command)
    } else {
        eprintln!("skipped: this machine has no `script`");
        None
    }
}

#[test]
fn findings_have_colours_unless_they_are_refused() {
    let folder = Folder::new("colour");
    folder.write("howdah.toml", "[service]\nname = 1\n");
    let Some(mut check) = on_a_terminal(&format!("check {}", folder.path().display())) else {
        return;
    };
    let coloured = check.output().unwrap();
    let plain = check.env("NO_COLOR", "1").output().unwrap();
    for (output, escapes) in [(coloured, true), (plain, false)] {
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("howdah.toml"), "{text}");
        assert_eq!(text.contains('\u{1b}'), escapes, "{text}");
    }
}

#[test]
fn the_log_is_text() {
    let folder = Folder::new("text");
    let ready = folder.path().join("ready");
    let service = project("services/about");
    let line = format!("serve {} --threads=1 --ready-file {}", service.display(), ready.display());
    let Some(mut serve) = on_a_terminal(&line) else { return };
    serve.env("HOWDAH_LISTEN_HTTP", "127.0.0.1:0").env("HOWDAH_LISTEN_ADMIN", "127.0.0.1:0");
    serve.env("NO_COLOR", "1");
    let child = serve.stdout(Stdio::piped()).spawn().unwrap();
    eventually("it listens", PATIENCE, || ready.exists());
    let said: serde_json::Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
    let pid = said["pid"].to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("INFO listening listener=\"http\""), "{text}");
    assert!(text.contains("INFO stopped"), "{text}");
    assert!(!text.contains('{') && !text.contains('\u{1b}'), "{text}");
}
