//! A rotation in a world where something is broken: it is given up, or it waits; no request fails, and
//! it goes on when that is mended.

use super::{Load, SOON, done, home, leading, may_sign_in, serve, signs_in};
use crate::{
    sinks::{conformance::Place, vault::Vault},
    support::{
        database::{Database, run},
        eventually,
        keeper::{Home, Keeper},
        postgres::Cluster,
    },
};
use serde_json::{Value, json};
use std::{fs, time::Duration};

/// How long a generation may be tried before it is given up, and some time for that.
const PATIENCE: Duration = Duration::from_secs(40);

/// Where it stands, as soon as the database says so.
fn status(keeper: &Keeper) -> Value {
    let mut seen = Value::Null;
    eventually("the status is known", PATIENCE, || {
        let reply = keeper.get("/credentials");
        seen = if reply.status == 200 { reply.json() } else { Value::Null };
        seen.is_object()
    });
    seen
}

/// Begins a rotation that is given up; gives the reason.
fn given_up(keeper: &Keeper) -> String {
    let before = status(keeper)["current"]["generation"].clone();
    let begun = keeper.post("/credentials/rotate", &json!({}));
    assert_eq!(begun.status, 202, "{begun}");
    eventually("it is given up", PATIENCE, || status(keeper)["phase"] == "idle");
    let after = status(keeper);
    assert_eq!(after["current"]["generation"], before, "the old one was never touched");
    after["reason"].as_str().unwrap_or_default().to_owned()
}

fn no_failure(load: Load) {
    let (answered, failures) = load.end();
    assert!(failures.is_empty(), "{} of {answered}: {}", failures.len(), failures[0]);
    assert!(answered > 0);
}

/// Puts a line before all others of `pg_hba.conf`, or takes it away again.
pub(crate) fn hba(cluster: &Cluster, home: &Home, line: &str) {
    let path = cluster.folder.join("data/pg_hba.conf");
    let text = fs::read_to_string(&path).unwrap();
    let own = "# of this test: ";
    let rest: Vec<&str> = text.lines().filter(|it| !it.contains(own)).collect();
    let first = if line.is_empty() { String::new() } else { format!("{line} {own}\n") };
    fs::write(&path, format!("{first}{}\n", rest.join("\n"))).unwrap();
    home.database.psql_as_superuser("SELECT pg_reload_conf()");
    // The postmaster reads it when it gets to it.
    std::thread::sleep(Duration::from_millis(500));
}

#[test]
fn a_login_that_the_server_does_not_let_in_is_given_up() {
    let cluster = Cluster::start();
    let home = Home::rotating(Database::create(&cluster), "");
    let (service, keeper) = (serve(&home), leading(&home));
    done(&home, &keeper, "adopt");
    let load = Load::on(&service);
    let login = format!("{}_b", home.database.user);
    hba(&cluster, &home, &format!("host all {login} 127.0.0.1/32 reject"));
    let reason = given_up(&keeper);
    assert!(reason.contains("given up"), "{reason}");
    assert!(!may_sign_in(&home, &login) && signs_in(&home));
    // A method that cannot take the password there is.
    hba(&cluster, &home, &format!("host all {login} 127.0.0.1/32 ident"));
    let reason = given_up(&keeper);
    assert!(reason.contains("given up"), "{reason}");
    hba(&cluster, &home, "");
    done(&home, &keeper, "rotate");
    assert!(signs_in(&home));
    no_failure(load);
}

#[test]
fn a_password_that_somebody_set_as_md5_is_mended() {
    let cluster = Cluster::start();
    let home = Home::rotating(Database::create(&cluster), "");
    let (service, keeper) = (serve(&home), leading(&home));
    done(&home, &keeper, "adopt");
    let load = Load::on(&service);
    let login = home.published()["user"].as_str().unwrap().to_owned();
    hba(&cluster, &home, &format!("host all {login} 127.0.0.1/32 scram-sha-256"));
    home.database.psql_as_superuser(&format!(
        "SET password_encryption = 'md5'; ALTER ROLE {login} PASSWORD '{login}'"
    ));
    assert!(!signs_in(&home));
    // A keeper looks at everything when it begins to lead.
    drop(keeper);
    let keeper = leading(&home);
    eventually("it is mended", SOON, || signs_in(&home));
    eventually("it is told", SOON, || {
        let sql = "SELECT count(*) FROM howdah.audit_inbox WHERE body LIKE '%\"rotation.mended\"%'";
        home.database.psql_as_superuser(sql)[0][0].as_deref() == Some("1")
    });
    assert_eq!(status(&keeper)["phase"], "idle");
    no_failure(load);
}

/// How often the trail has this of the application's rotation.
fn told(home: &Home, action: &str) -> u64 {
    let sql = format!(
        "SELECT count(*) FROM (SELECT body FROM howdah.audit_inbox UNION ALL SELECT body FROM \
         howdah.audit_leaf) AS it WHERE body::json #>> '{{entry,action}}' = '{action}'"
    );
    home.database.psql_as_superuser(&sql)[0][0].as_deref().unwrap().parse().unwrap()
}

#[test]
fn what_mending_does_not_help_against_is_told_once() {
    let cluster = Cluster::start();
    let home = Home::rotating(Database::create(&cluster), "");
    let (service, keeper) = (serve(&home), leading(&home));
    done(&home, &keeper, "adopt");
    let load = Load::on(&service);
    let login = home.published()["user"].as_str().unwrap().to_owned();
    hba(&cluster, &home, &format!("host all {login} 127.0.0.1/32 reject"));
    assert!(!signs_in(&home));
    // A keeper looks at everything when it begins to lead.
    drop(keeper);
    let start = std::time::Instant::now();
    let keeper = leading(&home);
    eventually("it is stuck", PATIENCE, || status(&keeper)["trouble"].is_object());
    let trouble = status(&keeper)["trouble"].clone();
    assert!(trouble["what"].as_str().unwrap().contains("does not let"), "{trouble}");
    assert!(trouble["since"].as_str().unwrap().ends_with('Z'), "{trouble}");
    // Time for several looks, if each were followed by another.
    std::thread::sleep(Duration::from_secs(10));
    let minutes = start.elapsed().as_secs() / 60;
    assert!((1..=1 + minutes).contains(&told(&home, "rotation.mended")), "{}", keeper.log());
    assert_eq!((told(&home, "rotation.stuck"), told(&home, "rotation.well")), (1, 0));
    assert_eq!(keeper.log().matches("stuck").count(), 1, "{}", keeper.log());
    let printed = done(&home, &keeper, "status");
    assert!(printed.contains("TROUBLE") && printed.contains("does not let"), "{printed}");
    // The sessions that are there work on. A rotation to the other login is a way out, and another keeper
    // sees that all is well.
    done(&home, &keeper, "rotate");
    assert!(signs_in(&home));
    drop(keeper);
    let keeper = leading(&home);
    eventually("it is well", PATIENCE, || status(&keeper)["trouble"].is_null());
    assert_eq!((told(&home, "rotation.stuck"), told(&home, "rotation.well")), (1, 1));
    hba(&cluster, &home, "");
    no_failure(load);
}

#[test]
fn without_its_grants_a_keeper_changes_nothing() {
    let home = home("");
    let (service, keeper) = (serve(&home), leading(&home));
    done(&home, &keeper, "adopt");
    let load = Load::on(&service);
    let role = &home.role;
    let before = home.published();
    home.database.psql_as_superuser(&format!("ALTER ROLE {role} NOCREATEROLE"));
    let refused = keeper.post("/credentials/rotate", &json!({}));
    assert_eq!(refused.status, 409, "{refused}");
    assert!(refused.json()["detail"].as_str().unwrap().contains("42501"), "{refused}");
    assert_eq!((status(&keeper)["phase"].clone(), home.published()), ("idle".into(), before));
    home.database.psql_as_superuser(&format!("ALTER ROLE {role} CREATEROLE"));
    // In the middle of one: it waits where it stands, and both logins work.
    let begun = keeper.post("/credentials/rotate", &json!({}));
    assert_eq!(begun.status, 202, "{begun}");
    home.database.psql_as_superuser(&format!("ALTER ROLE {role} NOCREATEROLE"));
    eventually("it is in the overlap", SOON, || status(&keeper)["phase"] == "overlap");
    std::thread::sleep(Duration::from_secs(2));
    assert!(signs_in(&home));
    assert_eq!(status(&keeper)["phase"], "overlap", "{}", status(&keeper));
    home.database.psql_as_superuser(&format!("ALTER ROLE {role} CREATEROLE"));
    eventually("it ends", SOON, || status(&keeper)["phase"] == "idle");
    assert_eq!(home.published()["generation"], 2);
    no_failure(load);
}

#[test]
fn a_sink_that_is_down_holds_a_rotation_up_and_nothing_else() {
    let home = home("");
    let vault = Vault::new();
    let path = home.folder.path().display().to_string();
    // A folder that can go away, behind what the service follows.
    fs::create_dir(home.folder.path().join("sink")).unwrap();
    let link = home.folder.path().join("credential.json");
    std::os::unix::fs::symlink(home.folder.path().join("sink/credential.json"), link).unwrap();
    home.write_manifest(&format!(
        "[credentials]\nowner = \"{}\"\nrotate_every = \"off\"\noverlap = \"1s\"\ngrace = \"1s\"\n\
         operators = [\"operators\"]\n\
         sinks = [{{ file = \"{path}/sink/credential.json\" }}, {}]\n",
        home.database.user,
        vault.manifest()
    ));
    let (service, keeper) = (serve(&home), leading(&home));
    done(&home, &keeper, "adopt");
    let held = || -> Value { serde_json::from_str(&vault.holds().unwrap()).unwrap() };
    assert_eq!(held(), home.published());
    let load = Load::on(&service);
    // One has it, the other does not: both logins work until it does.
    vault.server.down(true);
    let begun = keeper.post("/credentials/rotate", &json!({}));
    assert_eq!(begun.status, 202, "{begun}");
    let waits = || status(&keeper)["reason"].as_str().is_some_and(|it| it.contains("vault"));
    eventually("it waits for the vault", SOON, waits);
    assert_eq!(
        (status(&keeper)["phase"].clone(), held()["generation"].clone()),
        ("verified".into(), 1.into())
    );
    let user = &home.database.user;
    assert!(may_sign_in(&home, &format!("{user}_a")) && may_sign_in(&home, &format!("{user}_b")));
    vault.server.down(false);
    eventually("it ends", SOON, || status(&keeper)["phase"] == "idle");
    assert_eq!(held(), home.published());
    assert_eq!(held()["generation"], 2);
    // None has it: it is given up.
    vault.server.down(true);
    let (there, away) = (format!("{path}/sink"), format!("{path}/away"));
    fs::rename(&there, &away).unwrap();
    let reason = given_up(&keeper);
    assert!(reason.contains("vault") && reason.contains("cannot be"), "{reason}");
    fs::rename(&away, &there).unwrap();
    vault.server.down(false);
    done(&home, &keeper, "rotate");
    assert_eq!(held(), home.published());
    no_failure(load);
}

#[test]
fn a_replica_that_lags_is_waited_for() {
    // Another server stands for the replica: it learns of the login when it is told.
    let replica = Cluster::start();
    let database = Database::create(crate::support::postgres::cluster());
    let at = format!("endpoints = [\"127.0.0.1:{}\"]", replica.port);
    let home = Home::rotating(database, &at);
    let (owner, name) = (&home.database.user, &home.database.name);
    let login = format!("{owner}_a");
    let admin = replica.superuser("postgres");
    run(&admin, &format!("CREATE ROLE {owner}; CREATE ROLE {login} LOGIN IN ROLE {owner}"));
    run(&admin, &format!("ALTER ROLE {login} SET role = '{owner}'"));
    run(&admin, &format!("CREATE DATABASE {name} OWNER {owner}"));
    let (service, keeper) = (serve(&home), leading(&home));
    let load = Load::on(&service);
    let begun = keeper.post("/credentials/adopt", &json!({}));
    assert_eq!(begun.status, 202, "{begun}");
    eventually("it waits", SOON, || status(&keeper)["reason"].is_string());
    assert_eq!(status(&keeper)["phase"], "applied");
    let sql = format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{login}'");
    let verifier = home.database.psql_as_superuser(&sql)[0][0].clone().unwrap();
    run(&admin, &format!("ALTER ROLE {login} PASSWORD '{verifier}'"));
    eventually("it ends", PATIENCE, || status(&keeper)["phase"] == "idle");
    assert_eq!(home.published()["user"], login.as_str());
    no_failure(load);
}
