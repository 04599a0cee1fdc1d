//! The keeper gives up what it does not need, too, and does its work all the same.

use super::{has_given_up_everything, of_every_thread};
use crate::support::{
    database::Database,
    eventually,
    folder::Folder,
    keeper::{Home, Keeper},
    postgres::cluster,
    service::howdah,
};
use rustix::process::geteuid;
use serde_json::json;
use std::{fs, os::unix::fs::symlink, time::Duration};

const SOON: Duration = Duration::from_secs(20);

/// A home whose credential goes to the folder `sink`, and whose checkpoints to the file `checkpoints`.
fn home() -> Home {
    let home = Home::rotating(Database::create(cluster()), "");
    let path = home.folder.path().display().to_string();
    fs::create_dir(home.folder.path().join("sink")).unwrap();
    let mut key = howdah(["audit", "key", "--name", "example.org/trail"]);
    let output = key.arg(home.folder.path().join("audit.key")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    home.write_manifest(&format!(
        "[credentials]\nowner = \"{}\"\nrotate_every = \"off\"\noverlap = \"1s\"\ngrace = \"1s\"\n\
         sinks = [{{ file = \"{path}/sink/credential.json\" }}]\n\n\
         [audit]\nkey_file = \"{path}/audit.key\"\nfiles = [\"{path}/checkpoints\"]\nevery = \"1s\"\n",
        home.database.user
    ));
    home
}

fn leading(home: &Home, environment: &[(&str, &str)]) -> Keeper {
    let keeper = home.keeper_with(environment);
    eventually("it leads", SOON, || keeper.leads());
    if !keeper.token.exists() {
        home.operator();
    }
    keeper
}

fn stands(keeper: &Keeper) -> (String, u64, String) {
    let status = keeper.get("/credentials").json();
    let text = |key: &str| status[key].as_str().unwrap_or_default().to_owned();
    (text("phase"), status["current"]["generation"].as_u64().unwrap_or_default(), text("reason"))
}

#[test]
fn a_confined_keeper_does_its_work_and_writes_nowhere_else() {
    let home = home();
    let keeper = leading(&home, &[("HOWDAH_HARDENING_REQUIRED", "on")]);
    has_given_up_everything(keeper.pid());
    let confined = json!({ "files": true, "system_calls": true });
    assert_eq!(keeper.get("/live").json()["confined"], confined);
    let begun = keeper.post("/credentials/adopt", &json!({}));
    assert_eq!(begun.status, 202, "{begun}");
    eventually("it has adopted", SOON, || stands(&keeper).0 == "idle" && stands(&keeper).1 == 1);
    let path = |name: &str| home.folder.path().join(name);
    eventually("it signs", SOON, || {
        fs::read_to_string(path("checkpoints")).is_ok_and(|it| it.contains("example.org/trail"))
    });
    assert!(!keeper.log().contains("not hardened"), "{}", keeper.log());
    // What the folder's name leads to afterwards is none of its places.
    let outside = Folder::new("outside");
    let sink = path("sink");
    fs::rename(&sink, path("away")).unwrap();
    symlink(outside.path(), &sink).unwrap();
    let begun = keeper.post("/credentials/rotate", &json!({}));
    assert_eq!(begun.status, 202, "{begun}");
    eventually("it cannot write there", SOON, || stands(&keeper).2.contains("Permission denied"));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    // Without being confined it can.
    drop(keeper);
    let keeper = leading(&home, &[("HOWDAH_HARDENING_FILES", "off")]);
    assert_eq!(keeper.get("/live").json()["confined"]["files"], false);
    eventually("it writes there", SOON, || outside.path().join("credential.json").exists());
}

#[test]
fn what_is_switched_off_is_not_in_force_in_a_keeper() {
    let home = Home::new(Database::create(cluster()), "");
    let off = [("HOWDAH_HARDENING_SYSTEM_CALLS", "off")];
    let keeper = home.leads().keeper_with(&off);
    assert!(of_every_thread(keeper.pid(), "Seccomp").iter().all(|value| value == "0"));
    assert_eq!(keeper.get("/live").json()["confined"]["system_calls"], false);
}

#[test]
fn root_keeps_only_when_told() {
    if !geteuid().is_root() {
        eprintln!("not root: the refusal of root is not checked");
        return;
    }
    let home = Home::new(Database::create(cluster()), "");
    let refused = home.howdah(&["keeper"]).env_remove("HOWDAH_ALLOW_ROOT").output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("root must not") && said.contains("--user NAME"), "{said}");
}
