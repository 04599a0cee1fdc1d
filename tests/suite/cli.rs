//! The command line as a person types it: help, exit codes, and everything wrong in one run.

use crate::support::{
    folder::Folder,
    service::{howdah, project},
};
use serde_json::Value;
use std::process::Output;

const COMMANDS: &[&str] = &[
    "new",
    "up",
    "serve",
    "check",
    "describe",
    "migrate",
    "probe",
    "posture",
    "secret",
    "config",
    "completions",
];

fn run(arguments: &[&str]) -> (i32, String, String) {
    outcome(&howdah(arguments).output().unwrap())
}

fn outcome(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code().expect("no signal"), text(&output.stdout), text(&output.stderr))
}

#[test]
fn help_and_version_go_to_standard_output() {
    let (code, out, err) = run(&["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for command in COMMANDS {
        assert!(out.contains(&format!("\n  {command} ")), "no {command} in\n{out}");
        let (code, help, err) = run(&[command, "--help"]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(help.contains(&format!("Usage: howdah {command}")), "{help}");
        assert!(help.lines().next().unwrap().len() > 10, "it begins with what it does: {help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        // Each argument and option says what it is for.
        for line in help.lines().filter(|line| line.trim_start().starts_with("--")) {
            assert!(
                line.trim_start().contains("  ") || help.contains(&format!("{line}\n     ")),
                "{line}"
            );
        }
    }
    assert!(out.contains("Exit codes:"), "{out}");
    let (code, out, _) = run(&["--version"]);
    assert_eq!((code, out), (0, format!("howdah {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_wrong_command_line_is_code_2() {
    for (arguments, hint) in [
        (&["serv"][..], "serve"),
        (&["serve", "--prot", "1"], "--port"),
        (&["serve", "--port", "x"], "--port"),
        (&["serve", "--port", "65536"], "--port"),
        (&["serve", "--threads", "0"], "--threads"),
        (&["check", "--set", "listen.http"], "KEY=VALUE"),
        (&["check", "--format", "xml"], "json"),
        (&["completions", "basic"], "bash"),
        (&["new"], "<DIR>"),
        (&[], "Usage"),
    ] {
        let (code, _, err) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {err}");
        assert!(err.contains(hint), "{arguments:?}: {err}");
    }
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, err) = run(&["completions", shell]);
        assert_eq!((code, err.as_str()), (0, ""));
        for command in COMMANDS {
            assert!(out.contains(command), "{shell}: {command}");
        }
    }
}

/// A folder with a mistake in every file.
fn broken() -> Folder {
    let folder = Folder::new("broken");
    folder.write(
        "howdah.toml",
        "[service]\nname = \"broken\"\nverison = \"1\"\n\n[limits]\nbody = \"much\"\n",
    );
    for (name, malformed) in [
        ("z/last.sql", "placeholder_touches"),
        ("first.sql", "string_without_end"),
        ("m/middle.sql", "parameter_undeclared"),
    ] {
        let text = std::fs::read(
            project("tests/malformed/endpoints").join(malformed).with_extension("sql"),
        );
        folder.write(&format!("endpoints/{name}"), text.unwrap());
    }
    folder.write("migrations/nonsense.sql", "SELECT 1");
    folder
}

/// The files that findings name, in the order they are printed.
fn places(text: &str) -> Vec<String> {
    let places = text.lines().filter_map(|line| line.trim_start().strip_prefix("--> "));
    places.map(|place| place.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn check_finds_everything_in_one_run() {
    let folder = broken();
    let path = folder.path().to_str().unwrap();
    let (code, out, err) = run(&["check", path]);
    assert_eq!(code, 3, "{err}");
    assert_eq!(out, "", "findings go to standard error");
    assert!(!err.contains('\u{1b}'), "no colours in a pipe");
    let found = places(&err);
    for file in [
        "howdah.toml",
        "endpoints/first.sql",
        "endpoints/m/middle.sql",
        "endpoints/z/last.sql",
        "nonsense.sql",
    ] {
        assert!(found.iter().any(|place| place.ends_with(file)), "no {file} in\n{err}");
    }
    let mut sorted = found.clone();
    sorted.sort();
    assert_eq!(found, sorted, "by file");
    assert!(err.contains("did you mean `version`?"), "{err}");
    assert!(err.trim_end().ends_with("errors") || err.contains(" errors"), "{err}");

    let (code, out, err) = run(&["check", path, "--format", "json"]);
    assert_eq!((code, err.as_str()), (3, ""));
    let report: Value = serde_json::from_str(&out).unwrap();
    let diagnostics = report["diagnostics"].as_array().unwrap();
    let errors = report["errors"].as_u64().unwrap() + report["warnings"].as_u64().unwrap();
    assert_eq!(errors, diagnostics.len() as u64);
    assert!(diagnostics.len() >= 6, "{out}");
    for diagnostic in diagnostics {
        assert!(
            diagnostic["code"].is_string() && diagnostic["message"].is_string(),
            "{diagnostic}"
        );
    }
}

#[test]
fn check_of_what_is_right_says_so() {
    for name in ["rates", "status", "catalog", "toolbox", "about"] {
        let folder = project("services").join(name);
        let mut command = howdah(["check"]);
        command
            .arg(&folder)
            .env("DB_USER", "u")
            .env("DB_NAME", "n")
            .env("DB_HOST", "h")
            .env("CONTAINER_NAME", "c");
        let (code, out, err) = outcome(&command.output().unwrap());
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
        assert!(out.contains("no error"), "{out}");
    }
}

#[test]
fn check_of_what_is_not_there() {
    let folder = Folder::new("empty");
    let nowhere = folder.path().join("nowhere");
    for path in [folder.path(), &nowhere] {
        let (code, _, err) = run(&["check", path.to_str().unwrap()]);
        assert_eq!(code, 3, "{err}");
        assert!(err.contains(path.to_str().unwrap()) || err.contains("howdah.toml"), "{err}");
    }
}

#[test]
fn values_on_the_command_line_are_judged_as_in_the_file() {
    let about = project("services/about");
    let about = about.to_str().unwrap();
    for (set, hint) in [
        ("listen.htp=127.0.0.1:1", "listen.http"),
        ("limits.body=much", "limits.body"),
        ("limits.headers=0", "limits.headers"),
        ("listen.http=nonsense", "listen.http"),
        ("=", "="),
    ] {
        let (code, _, err) = run(&["check", about, "--set", set]);
        assert_eq!(code, 3, "{set}: {err}");
        assert!(err.contains(hint), "{set}: {err}");
    }
    let (code, _, err) = run(&["check", about, "--set", "limits.body=2 KiB"]);
    assert_eq!(code, 0, "{err}");
    let mut command = howdah(["check", about]);
    command.env("HOWDAH_LIMITS_BODY", "much");
    let (code, _, err) = outcome(&command.output().unwrap());
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("HOWDAH_LIMITS_BODY"), "{err}");
}

#[test]
fn new_makes_a_folder_that_check_likes() {
    let folder = Folder::new("new");
    let path = folder.path().join("my-service");
    let path = path.to_str().unwrap();
    let (code, out, err) = run(&["new", path]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains(&format!("howdah up {path}")), "{out}");
    let (code, out, err) = run(&["check", path]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("no error"), "{out}");
    let (code, _, err) = run(&["new", path]);
    assert_eq!(code, 1, "what is there is left alone: {err}");
    let (code, out, _) = run(&["config"]);
    assert_eq!(code, 0);
    assert!(out.contains("[listen]"), "{out}");
}

#[test]
fn a_closed_pipe_is_no_crash() {
    for arguments in
        [&["config"][..], &["--help"], &["completions", "zsh"], &["describe", "services/about"]]
    {
        // The reader is gone before anything is written.
        let script = r#"{ sleep 0.1; "$@"; } | true"#;
        let mut command = std::process::Command::new("/bin/bash");
        command.args(["-c", script, "sh"]).arg(crate::support::service::binary()).args(arguments);
        let output = command.current_dir(project(".")).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(!err.contains("panicked"), "{arguments:?}: {err}");
    }
}
