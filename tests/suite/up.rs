//! `howdah up` as a person meets it: the real binary, its private PostgreSQL, a folder that changes.

use crate::support::{
    eventually,
    folder::Folder,
    processes,
    service::{Service, howdah, up},
};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A new service below `folder`.
fn new(folder: &Folder) -> PathBuf {
    let service = folder.path().join("Notes 2");
    let output = howdah(["new"]).arg(&service).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    service
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

fn first_note(service: &Service) -> i64 {
    service.get("/notes?limit=1").json()["notes"][0]["id"].as_i64().unwrap()
}

#[test]
fn a_new_service_is_up_follows_its_folder_and_leaves_nothing() {
    let folder = Folder::new("up");
    let (service, home) = (new(&folder), folder.path().join("home"));
    let running = up(&service, &home).start();
    assert_eq!(running.get("/").json()["message"], "Hello from notes-2!");
    assert_eq!(first_note(&running), 3);
    let json = [("content-type", "application/json")];
    let written = running.send("POST", "/notes", &json, br#"{"body": "Kept."}"#);
    assert_eq!((written.status, &written.json()["id"]), (200, &4.into()));

    // A change is served; a wrong one is told, and the last good version goes on.
    let list = service.join("endpoints/notes/list.sql");
    edit(&list, "ORDER BY id DESC", "ORDER BY id");
    eventually("the change is served", PATIENCE, || first_note(&running) == 1);
    edit(&list, "FROM notes", "FROM nowhere");
    eventually("the mistake is told", PATIENCE, || {
        running.output().contains("relation \"nowhere\" does not exist")
    });
    assert_eq!(first_note(&running), 1);
    // A migration that comes up is applied before what needs it.
    std::fs::write(
        service.join("migrations/0002_more.sql"),
        "CREATE TABLE nowhere AS TABLE notes;\
        DELETE FROM nowhere WHERE id < 3",
    )
    .unwrap();
    eventually("what it made is served", PATIENCE, || first_note(&running) == 3);

    // Killed, and up again: one server, the data kept.
    running.kill();
    let running = up(&service, &home).start();
    assert!(running.output().contains("left behind"), "{}", running.output());
    assert_eq!(running.get("/notes/4").json()["body"], "Kept.");
    assert_eq!(processes::postmasters(&home).len(), 1);
    let (status, output) = running.stop();
    assert!(status.success(), "{output}");
    assert_eq!(processes::naming(folder.path()).len(), 0);

    // Fresh: the sample data alone.
    let running = up(&service, &home).arg("--fresh").start();
    assert_eq!(running.get("/notes/4").status, 404);
    assert_eq!(running.get("/notes/3").status, 200);
    running.stop();
}

#[test]
fn a_second_up_of_the_same_folder_says_who_has_it() {
    let folder = Folder::new("up");
    let (service, home) = (new(&folder), folder.path().join("home"));
    let running = up(&service, &home).start();
    let refused = up(&service, &home).refused();
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert!(text.contains(&format!("in use by process {}", running.pid())), "{text}");
    assert_eq!(running.get("/notes/1").status, 200);
    running.stop();
}

#[test]
fn a_closed_terminal_leaves_nothing() {
    let folder = Folder::new("up");
    let (service, home) = (new(&folder), folder.path().join("home"));
    let running = up(&service, &home).start();
    let pid = running.pid().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    eventually("all are gone", PATIENCE, || processes::naming(folder.path()).is_empty());
    drop(running);
}

#[test]
fn a_keeper_takes_the_service_over_and_its_logins_outlive_the_process() {
    let folder = Folder::new("up");
    let (service, home) = (new(&folder), folder.path().join("home"));
    let said = |running: &Service, what: &str| {
        eventually("it says so", PATIENCE, || running.output().contains(what));
        let output = running.output();
        let rest = &output[output.find(what).unwrap() + what.len()..];
        rest.split([';', '\n']).next().unwrap().to_owned()
    };
    let credentials = |running: &Service, word: &str| {
        let mut command = howdah(["credentials", word]);
        command.args(["--keeper", &said(running, "Keeper on ")]);
        command.args(["--token-file", &said(running, "operator's token: ")]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let running = up(&service, &home).arg("--keeper").start();
    assert_eq!(first_note(&running), 3);
    assert!(credentials(&running, "adopt").contains("idle"));
    assert!(credentials(&running, "rotate").contains("retired"));
    assert_eq!(first_note(&running), 3);
    assert_eq!(running.get_admin("/credential").json()["generation"], 2);
    // What changes in the folder is typed with the login that is in use now.
    let list = service.join("endpoints/notes/list.sql");
    edit(&list, "ORDER BY id DESC", "ORDER BY id");
    eventually("the change is served", PATIENCE, || first_note(&running) == 1);
    running.stop();

    let running = up(&service, &home).arg("--keeper").start();
    assert_eq!(running.get_admin("/credential").json()["generation"], 2);
    assert_eq!(first_note(&running), 1);
    assert!(credentials(&running, "rotate").contains("idle"));
    running.stop();

    // Without a keeper the service signs in as itself again, and fresh forgets everything.
    let running = up(&service, &home).start();
    assert_eq!(first_note(&running), 1);
    running.stop();
    let running = up(&service, &home).arg("--keeper").arg("--fresh").start();
    assert!(credentials(&running, "adopt").contains("idle"));
    running.stop();
}

#[test]
fn an_audited_endpoint_brings_its_keeper_and_its_requests_are_in_the_trail() {
    let folder = Folder::new("up");
    let (service, home) = (new(&folder), folder.path().join("home"));
    let one = service.join("endpoints/notes/one.sql");
    edit(&one, "result = \"row\"", "result = \"row\"\naudit = true");
    // The requests in the trail, as the private keeper's own files let one read it.
    let requests = |running: &Service| {
        eventually("the keeper leads", PATIENCE, || running.output().contains("Keeper on "));
        let place = std::fs::read_dir(&home).unwrap().next().unwrap().unwrap().path();
        let export = folder.path().join("trail.ndjson");
        let _ = std::fs::remove_file(&export);
        let mut command = howdah(["audit", "export", "--output"]);
        command.arg(&export).arg(&service);
        for (key, file) in [
            ("database.host", "socket"),
            ("keeper.credential", "keeper/credential.json"),
            ("keeper.key_file", "keeper/key"),
        ] {
            command.args(["--set", &format!("{key}={}", place.join(file).display())]);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let trail = std::fs::read_to_string(&export).unwrap();
        trail.lines().filter(|it| it.contains("GET /notes/{id}")).count()
    };
    for times in 1..=2 {
        // The second time all of it is there already.
        let running = up(&service, &home).start();
        assert_eq!(running.get("/notes/1").status, 200, "{}", running.output());
        eventually("it is in the trail", PATIENCE, || requests(&running) == times);
        running.stop();
    }
    // One that is audited from now on takes a keeper, which is not started in the middle.
    edit(&one, "audit = true\n", "");
    let running = up(&service, &home).start();
    assert!(!running.output().contains("Keeper on "));
    edit(&one, "result = \"row\"", "result = \"row\"\naudit = true");
    eventually("it is told", PATIENCE, || running.output().contains("so that it runs a keeper"));
    assert_eq!(running.get("/notes/1").status, 200);
    running.stop();
}
