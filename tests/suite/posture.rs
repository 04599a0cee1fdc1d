//! `howdah posture` asks a running service, and the answer is what the kernel and the database say.

use crate::support::{
    database::Database,
    eventually,
    folder::Folder,
    http,
    postgres::database,
    service::{self, Service, howdah, project},
};
use rustix::process::geteuid;
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

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

/// What a container gives, or its host; a process on its own has it not.
const OF_A_CONTAINER: [&str; 3] = ["root-file-system-read-only", "memory-limited", "tasks-limited"];

/// A login that may do what a service needs and nothing else, over what the service's migrations make.
fn confined_login(service: &str) -> Database {
    let mut database = database();
    let migrations = project(&format!("services/{service}/migrations"));
    let mut files: Vec<_> =
        fs::read_dir(migrations).into_iter().flatten().map(|it| it.unwrap().path()).collect();
    files.sort();
    for file in files {
        database.psql(&fs::read_to_string(file).unwrap());
    }
    let (name, login) = (&database.name, format!("web_of_{}", database.name));
    database.psql_as_superuser(&format!(
        "CREATE ROLE {login} LOGIN CONNECTION LIMIT 100 PASSWORD '{}';
         REVOKE ALL ON DATABASE {name} FROM PUBLIC; GRANT CONNECT ON DATABASE {name} TO {login};
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {login}",
        database.password
    ));
    database.user = login;
    database
}

/// One of the project's services as it is deployed: no root, a password in a file of its own, a confined login.
fn as_deployed(name: &str, folder: &Folder) -> (Service, PathBuf) {
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(project(&format!("services/{name}"))).arg(folder.path());
    assert!(copy.status().unwrap().success());
    let service = folder.path().join(name);
    let ready = Folder::new("ready");
    fs::set_permissions(ready.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut serve = service::serve(&service).ready_in(ready);
    let password = folder.path().join("password");
    if ["catalog", "rates", "status"].contains(&name) {
        let database = confined_login(name);
        fs::write(&password, &database.password).unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o400)).unwrap();
        for (variable, value) in database.environment() {
            if !variable.contains("PASS") {
                serve = serve.env(&variable, value);
            }
        }
        let file = if name == "status" { "DB_PASS_FILE" } else { "DB_PASSWORD_FILE" };
        serve = serve.env(file, &password);
    }
    if geteuid().is_root() {
        if password.exists() {
            std::os::unix::fs::chown(&password, Some(65534), Some(65533)).unwrap();
        }
        serve = serve.env("HOWDAH_ALLOW_ROOT", "0").arg("--user").arg("65534:65533");
    }
    (serve.start(), service)
}

#[test]
fn each_of_the_five_services_passes_whatever_is_not_a_containers_to_give() {
    for name in ["about", "catalog", "rates", "status", "toolbox"] {
        let folder = Folder::new("deployed");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (service, path) = as_deployed(name, &folder);
        eventually("ready", http::PATIENCE, || service.get_admin("/ready").status == 200);
        let (_, text) = ask(&path, &service, "json");
        let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        let findings = report["findings"].as_array().unwrap();
        let failed = findings.iter().filter(|it| it["outcome"] == "fail");
        let failed: Vec<_> = failed.filter_map(|it| it["id"].as_str()).collect();
        assert!(failed.iter().all(|id| OF_A_CONTAINER.contains(id)), "{name}: {report:#}");
        let passed = findings.iter().filter(|it| it["outcome"] == "pass").count();
        assert!(passed >= 20, "{name}: {passed} pass");
    }
}

#[test]
fn root_with_a_superusers_role_fails_what_it_should() {
    if !geteuid().is_root() {
        eprintln!("not root: a service that runs as root is not checked");
        return;
    }
    let folder = folder();
    let database = database();
    database.psql_as_superuser(&format!("ALTER ROLE {} SUPERUSER", database.user));
    let service = service::serve(folder.path()).database(&database).start();
    eventually("ready", http::PATIENCE, || service.get_admin("/ready").status == 200);
    let (code, text) = ask(folder.path(), &service, "json");
    let report: Value = serde_json::from_str(&text).unwrap();
    for id in ["not-root", "no-password-in-environment"].iter().chain(&OF_A_SUPERUSER) {
        assert_eq!(outcome(&report, id), "fail", "{id}: {report:#}");
    }
    assert_eq!((code, &report["grade"]), (Some(5), &Value::from("F")));
}

/// What no superuser may be said to be without.
const OF_A_SUPERUSER: [&str; 8] = [
    "role-no-superuser",
    "role-makes-no-roles",
    "role-makes-no-databases",
    "role-does-not-replicate",
    "role-obeys-row-security",
    "role-no-server-power",
    "role-creates-nothing",
    "role-reads-no-passwords",
];

/// An attribute is not inherited, and is one `SET ROLE` away.
#[test]
fn a_role_that_may_become_a_superuser_fails_as_one() {
    let database = database();
    let (login, power) = (&database.user, format!("power_of_{}", database.name));
    let folder = folder();
    let judged = || {
        let service = service::serve(folder.path()).database(&database).start();
        let (_, text) = ask(folder.path(), &service, "json");
        serde_json::from_str::<Value>(&text).unwrap_or_else(|_| panic!("{text}"))
    };
    for (attribute, id) in
        [("CREATEROLE", "role-makes-no-roles"), ("SUPERUSER", "role-no-superuser")]
    {
        assert_eq!(outcome(&judged(), id), "pass", "{id} before");
        database.psql_as_superuser(&format!(
            "CREATE ROLE {power} {attribute}; GRANT {power} TO \"{login}\""
        ));
        let report = judged();
        database.psql_as_superuser(&format!("DROP ROLE {power}"));
        assert_eq!(outcome(&report, id), "fail", "{id}: {report:#}");
    }
}

/// The outcome of a check, and what it found, by a service that signs in as the database's user.
fn found(folder: &Folder, database: &Database, id: &str) -> (String, String) {
    let service = service::serve(folder.path()).database(database).start();
    eventually("ready", http::PATIENCE, || service.get_admin("/ready").status == 200);
    let (_, text) = ask(folder.path(), &service, "json");
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|it| it["id"] == id).unwrap();
    (outcome(&report, id).to_owned(), finding["found"].as_str().unwrap().to_owned())
}

fn passes(found: &str) -> (String, String) {
    ("pass".to_owned(), found.to_owned())
}

fn fails(found: &str) -> (String, String) {
    ("fail".to_owned(), found.to_owned())
}

/// A confined login, another role, and a group of that role, which a grant makes the login a member of. It inherits
/// nothing: what the other may do is one `SET ROLE` away.
fn with_another() -> (Database, String, String) {
    let database = confined_login("about");
    let (other, group) =
        (format!("other_of_{}", database.name), format!("group_of_{}", database.name));
    database.psql_as_superuser(&format!(
        "CREATE ROLE {other}; CREATE ROLE {group} IN ROLE {other}; ALTER ROLE {} NOINHERIT;
         CREATE SCHEMA theirs; CREATE TABLE theirs.things (thing text);
         CREATE FUNCTION theirs.thing() RETURNS text LANGUAGE sql AS 'SELECT NULL::text'",
        database.user
    ));
    let grant = format!("GRANT {group} TO {}", database.user);
    (database, other, grant)
}

#[test]
fn a_role_that_may_become_an_owner_fails_as_one() {
    let (database, other, grant) = with_another();
    let (login, name, folder) = (&database.user, &database.name, folder());
    database.psql_as_superuser(&format!(
        "ALTER TABLE theirs.things OWNER TO {other}; ALTER FUNCTION theirs.thing() OWNER TO {other};
         ALTER DATABASE {name} OWNER TO {other}"
    ));
    let found = |id: &str| found(&folder, &database, id);
    assert_eq!(found("role-owns-nothing"), passes("nothing"));
    assert_eq!(found("role-not-databases-owner"), passes("another does"));
    database.psql_as_superuser(&grant);
    let theirs = format!("2 objects of `{other}`, which it may become");
    assert_eq!(found("role-owns-nothing"), fails(&theirs));
    let whose = format!("`{other}` does, which it may become");
    assert_eq!(found("role-not-databases-owner"), fails(&whose));
    database.psql_as_superuser(&format!(
        "ALTER ROLE {login} INHERIT; ALTER FUNCTION theirs.thing() OWNER TO {login};
         ALTER DATABASE {name} OWNER TO {login}"
    ));
    let both = format!("1 object of `{other}`, which it may become; 1 object");
    assert_eq!(found("role-owns-nothing"), fails(&both));
    assert_eq!(found("role-not-databases-owner"), fails("it does"));
}

#[test]
fn what_a_role_may_do_as_another_counts() {
    let (database, other, grant) = with_another();
    let folder = folder();
    database.psql_as_superuser(&format!(
        "GRANT CREATE ON SCHEMA theirs TO {other}; GRANT SELECT ON pg_authid TO {other};
         CREATE LANGUAGE wild HANDLER plpgsql_call_handler;
         CREATE FUNCTION theirs.runs() RETURNS text LANGUAGE wild AS ''; REVOKE ALL ON FUNCTION theirs.runs() FROM PUBLIC;
         GRANT EXECUTE ON FUNCTION theirs.runs() TO {other}"
    ));
    let checks = [
        ("role-creates-nothing", "none", "theirs"),
        ("role-reads-no-passwords", "it cannot", "it can"),
        ("role-runs-nothing-untrusted", "none", "1 functions"),
    ];
    let found = |id: &str| found(&folder, &database, id);
    for (id, without, _) in checks {
        assert_eq!(found(id), passes(without), "{id}");
    }
    database.psql_as_superuser(&grant);
    for (id, _, with) in checks {
        assert_eq!(found(id), fails(with), "{id}");
    }
}
