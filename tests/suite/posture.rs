//! `howdah posture` asks a running service, and the answer is what the kernel and the database say.

use crate::support::{
    folder::Folder,
    postgres::database,
    service::{self, Service, howdah},
};
use rustix::process::geteuid;
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

const MANIFEST: &str = r#"
[service]
name = "examined"

[database]
host = "${DB_HOST:-localhost}"
port = "${DB_PORT:-5432}"
name = "${DB_NAME:-examined}"
user = "${DB_USER:-examined}"
password = "${DB_PASSWORD:-}"

[[route]]
get = "/"
probe = "database"
up = "up"
down = "down"
"#;

fn folder() -> Folder {
    let folder = Folder::new("posture");
    folder.write("howdah.toml", MANIFEST);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn ask(folder: &Path, service: &Service, format: &str) -> (Option<i32>, String) {
    let mut command = howdah(["posture", "--format", format]);
    command.arg(folder).env("HOWDAH_LISTEN_ADMIN", service.admin.to_string());
    let answer = command.output().unwrap();
    let said = String::from_utf8(answer.stdout).unwrap();
    (answer.status.code(), said + &String::from_utf8_lossy(&answer.stderr))
}

fn outcome<'r>(report: &'r Value, id: &str) -> &'r str {
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("{id}"));
    finding["outcome"].as_str().unwrap()
}

#[test]
fn what_serve_gives_up_is_in_force() {
    let folder = folder();
    let service = service::serve(folder.path()).database(&database()).start();
    let (_, text) = ask(folder.path(), &service, "json");
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    for id in [
        "no-new-privileges",
        "no-capabilities",
        "system-calls-filtered",
        "files-confined",
        "writes-nothing",
        "program-not-writable",
        "no-core-dumps",
        "not-dumpable",
        "not-traced",
        "admin-listener-local",
        "database-answers",
        "role-no-superuser",
        "role-makes-no-roles",
        "database-connection-private",
    ] {
        assert_eq!(outcome(&report, id), "pass", "{id}: {report:#}");
    }
    let as_root = geteuid().is_root();
    assert_eq!(outcome(&report, "not-root"), if as_root { "fail" } else { "pass" });
}

#[test]
fn a_weak_service_fails_and_says_why() {
    let folder = folder();
    let database = database();
    let owner = database.psql("SELECT current_user")[0][0].clone().unwrap();
    database.psql_as_superuser(&format!("ALTER ROLE \"{owner}\" SUPERUSER"));
    let service = service::serve(folder.path())
        .database(&database)
        .env("HOWDAH_HARDENING_FILES", "off")
        .env("HOWDAH_HARDENING_SYSTEM_CALLS", "off")
        .env("HOWDAH_LOG_LEVEL", "debug")
        .start();
    let (code, text) = ask(folder.path(), &service, "json");
    assert_eq!(code, Some(5), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    for id in [
        "role-no-superuser",
        "system-calls-filtered",
        "files-confined",
        "writes-nothing",
        "log-discreet",
    ] {
        assert_eq!(outcome(&report, id), "fail", "{id}: {report:#}");
    }
    assert_eq!(report["grade"], "F");
    let (code, table) = ask(folder.path(), &service, "table");
    assert_eq!(code, Some(5));
    assert!(table.contains("grade F") && table.contains("What to do"), "{table}");
    let (_, sarif) = ask(folder.path(), &service, "sarif");
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
}

#[test]
fn without_a_running_service_there_is_no_report() {
    let folder = folder();
    let mut command = howdah(["posture", "--timeout-ms", "500"]);
    command.arg(folder.path()).env("HOWDAH_LISTEN_ADMIN", "127.0.0.1:1");
    let answer = command.output().unwrap();
    assert_eq!(answer.status.code(), Some(1));
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(said.contains("is it there?"), "{said}");
}
