//! A request's whole life through the keeper's API and the command line, and what the trail says.

use crate::support::{
    database::{self, Database},
    eventually,
    http::{self, Reply},
    keeper::{Home, Keeper},
    postgres::cluster,
    service,
};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    process::{Command, Output},
    time::Duration,
};

const SOON: Duration = Duration::from_secs(40);

/// A keeper with a policy `read`, and who asks it.
pub(super) struct House {
    pub(super) home: Home,
    pub(super) keeper: Keeper,
    /// What temporary logins are members of.
    pub(super) profile: String,
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap().trim().to_owned()
}

impl House {
    fn new() -> (Self, String) {
        Self::with(Home::ONE_OF_TWO)
    }

    /// One whose policy says `more`, and the key of its trail.
    pub(super) fn with(more: &str) -> (Self, String) {
        let (home, policy) = Home::lending(Database::create(cluster()), more);
        let path = home.folder.path().display().to_string();
        let mut key = service::howdah(["audit", "key", "--name", "example.org/kept"]);
        let key = text(&key.arg(home.folder.path().join("audit.key")).output().unwrap());
        home.write_manifest(&format!(
            "[audit]\nkey_file = \"{path}/audit.key\"\nfiles = [\"{path}/checkpoints\"]\nevery = \"200ms\"\n\n\
             {policy}"
        ));
        // On a machine that is full, signing in may take longer than it usually waits.
        let keeper = home.keeper_with(&[("HOWDAH_DATABASE_CONNECT_TIMEOUT", "1m")]);
        eventually("it leads", SOON, || keeper.leads());
        let profile = format!("{}_reader", home.database.name);
        (Self { home, keeper, profile }, key)
    }

    /// A token for somebody, in a file.
    pub(super) fn token(&self, subject: &str, group: &str) -> PathBuf {
        let mut command = self.home.howdah(&["access", "token", subject, "--groups", group]);
        let token = text(&command.output().unwrap());
        self.home.folder.write(&format!("{subject}.token"), token)
    }

    fn access(&self, words: &[&str], token: &PathBuf) -> Command {
        let mut command = service::howdah(["access"]);
        command.args(words).arg("--keeper").arg(format!("http://{}", self.keeper.address));
        command.arg("--token-file").arg(token).args(["--format", "json"]);
        command
    }

    fn get(&self, path: &str, token: &str) -> Reply {
        let token = format!("Bearer {token}");
        let headers = [("authorization", token.as_str())];
        http::send(self.keeper.address, "GET", path, &headers, b"").unwrap()
    }
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn a_request_lives_and_ends_and_the_trail_has_all_of_it() {
    let (house, key) = House::new();
    let (ann, bob) = (house.token("ann", "dev"), house.token("bob", "dba"));
    let ask = ["request", "read", "--for", "8s", "--reason", "ticket 4711"];
    eventually("the policies are set", SOON, || {
        house.access(&["list"], &ann).output().unwrap().status.success()
    });
    let mut made = Value::Null;
    eventually("it is asked for", SOON, || {
        made = answer(&house.access(&ask, &ann).output().unwrap());
        made["state"] == "pending"
    });
    let id = made["id"].as_str().unwrap();
    let own = answer(&house.access(&["approve", id], &ann).output().unwrap());
    assert_eq!(own["code"], "self-approval");
    let digest = "00".repeat(32);
    let stale = house.access(&["approve", id, "--digest", &digest], &bob).output().unwrap();
    assert_eq!(answer(&stale)["code"], "request-edited");
    assert_eq!(stale.status.code(), Some(1));
    let approved = answer(&house.access(&["approve", id], &bob).output().unwrap());
    assert_eq!(approved["state"], "approved", "{approved}");
    let login = answer(&house.access(&["login", id], &ann).output().unwrap());
    let again = answer(&house.access(&["login", id], &ann).output().unwrap());
    assert_eq!(again["code"], "already-active");
    let mut config = house.home.database.config();
    config.user(login["login"].as_str().unwrap()).password(login["password"].as_str().unwrap());
    assert_eq!(database::run(&config, "SELECT 1").len(), 1);
    eventually("it is closed", SOON, || {
        answer(&house.access(&["show", id], &ann).output().unwrap())["state"] == "closed"
    });
    // The trail, checked without the database.
    let export = house.home.folder.path().join("trail.ndjson");
    let report = || {
        let _ = std::fs::remove_file(&export);
        let mut command = service::howdah(["audit", "export", "--output"]);
        command.arg(&export).arg(house.home.folder.path());
        assert!(command.output().unwrap().status.success());
        let mut verify = service::howdah(["audit", "verify", "--format", "json", "--key", &key]);
        verify.arg("--checkpoints").arg(house.home.folder.path().join("checkpoints"));
        verify.arg(&export).output().unwrap()
    };
    eventually("all of it is under a checkpoint", SOON, || {
        let report = answer(&report());
        // What was done last is sequenced a moment after it was done.
        let trail = std::fs::read_to_string(&export).unwrap_or_default();
        report["holds"] == true
            && report["covered"] == report["leaves"]
            && trail.contains("grant.closed")
    });
    let trail = std::fs::read_to_string(&export).unwrap();
    for action in [
        "request.made",
        "request.approve",
        "grant.activating",
        "grant.active",
        "grant.expired",
        "grant.cleaning",
        "grant.closed",
        "self-approval",
        "request-edited",
        "already-active",
    ] {
        assert!(trail.contains(&format!("\\\"{action}\\\"")), "{action} in {trail}");
    }
    assert!(!trail.contains(login["password"].as_str().unwrap()));
    house.home.database.psql_as_superuser(
        "UPDATE howdah.audit_leaf SET body = replace(body, 'local:ann', 'local:eve')",
    );
    assert_eq!(report().status.code(), Some(5));
    let note = house.keeper.get("/audit/checkpoint");
    assert!(note.text().starts_with("example.org/kept\n"), "{}", note.text());
}

#[test]
fn who_is_not_known_is_turned_away() {
    let (house, _) = House::new();
    let ann = house.token("ann", "dev");
    let token = std::fs::read_to_string(&ann).unwrap();
    let list = "/access/requests";
    eventually("ready", SOON, || house.get(list, &token).status == 200);
    assert_eq!(house.keeper.get(list).problem(), "token-invalid");
    assert_eq!(house.get(list, "howdah_token_forged").problem(), "token-invalid");
    assert_eq!(
        house.get("/access/requests?cursor=Zm9yZ2Vk.Zm9yZ2Vk", &token).problem(),
        "cursor-invalid"
    );
    assert_eq!(house.get("/access/requests?other=1", &token).problem(), "invalid-arguments");
    for code in ["token-invalid", "cursor-invalid", "invalid-arguments"] {
        let sql = format!(
            "SELECT 1 FROM (SELECT body FROM howdah.audit_inbox UNION ALL SELECT body FROM \
             howdah.audit_leaf) AS it WHERE body::json #>> '{{entry,detail,code}}' = '{code}'"
        );
        let told = house.home.database.psql_as_superuser(&sql);
        assert!(!told.is_empty(), "{code}");
    }
    let bearer = format!("Bearer {token}");
    let fields = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let act = |id: &str, act: &str| {
        let path = format!("/access/requests/{id}/{act}");
        let body = json!({ "digest": "00".repeat(32), "for": "1h", "reason": "x" }).to_string();
        http::send(house.keeper.address, "POST", &path, &fields, body.as_bytes()).unwrap()
    };
    let missing = "0123456789abcdef0123456789abcdef";
    for (number, code) in [
        ("4711", "request-number-invalid"),
        ("%00", "request-number-invalid"),
        ("'--", "request-number-invalid"),
        (missing, "request-unknown"),
    ] {
        assert_eq!(house.get(&format!("{list}/{number}"), &token).problem(), code);
        for word in ["approve", "deny", "withdraw", "revoke", "review", "edit", "activate"] {
            let reply = act(number, word);
            assert_eq!(reply.problem(), code, "{number} {word}: {reply}");
        }
        // Each of the eight is in the trail, with who it was and what stood there.
        let told = house.home.database.psql_as_superuser(&format!(
            "SELECT count(*), count(DISTINCT e->>'action') FROM (SELECT body::json->'entry' AS e FROM \
             (SELECT body FROM howdah.audit_inbox UNION ALL SELECT body FROM howdah.audit_leaf) AS b) AS it \
             WHERE e #>> '{{detail,code}}' = '{code}' AND e->>'actor' = 'local:ann' \
             AND e->>'outcome' = 'refused' AND replace(e->>'subject', '-', '') = replace('{}', '-', '')",
            number.replace('\'', "''")
        ));
        assert_eq!(
            (told[0][0].as_deref(), told[0][1].as_deref()),
            (Some("8"), Some("8")),
            "{number}"
        );
    }
    // A reason that no text can be, and one that the table refuses.
    for (reason, code) in
        [("a\0b".to_owned(), "invalid-arguments"), ("x".repeat(2000), "unprocessable")]
    {
        let body = json!({ "policy": "read", "for": "1h", "reason": reason }).to_string();
        let reply =
            http::send(house.keeper.address, "POST", list, &fields, body.as_bytes()).unwrap();
        assert_eq!(reply.problem(), code, "{reply}");
    }
    let told = house.home.database.psql_as_superuser(
        "SELECT 1 FROM (SELECT body FROM howdah.audit_inbox UNION ALL SELECT body FROM howdah.audit_leaf) AS it \
         WHERE body::json #>> '{entry,detail,code}' = 'unprocessable'",
    );
    assert_eq!(told.len(), 1);
    let ended = house.home.howdah(&["access", "token", "ann", "--revoke"]).output().unwrap();
    assert_eq!(text(&ended), "1 ended");
    assert_eq!(house.get(list, &token).problem(), "token-ended");
    let refused = house.keeper.post(list, &json!({}));
    assert_eq!((refused.status, refused.problem().as_str()), (401, "token-invalid"));
}
