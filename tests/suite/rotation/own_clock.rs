//! The keeper's own clock jumps, by libfaketime: `scripts/chaos-access` says where that is. Every deadline
//! is the database's, so that none comes sooner or later; what the keeper itself dates is refused when it
//! cannot be believed.

use super::{Load, SOON, done, home, leading, may_sign_in, serve, signs_in};
use crate::support::{
    database, eventually,
    http::{self, Reply},
    keeper::{Home, Keeper},
    service,
};
use serde_json::{Value, json};
use std::{fs, time::Duration};

const PATIENCE: Duration = Duration::from_mins(2);
const YEAR_S: i64 = 365 * 24 * 3600;

/// A keeper whose clock is what a file says: `+1y`, `-2h`.
struct Turned {
    home: Home,
    keeper: Keeper,
    /// The public key of its trail.
    key: String,
    token: String,
}

impl Turned {
    fn new() -> Self {
        let library = std::env::var("HOWDAH_FAKETIME").expect("HOWDAH_FAKETIME names libfaketime");
        let home = home("");
        let path = home.folder.path().display().to_string();
        let profile = format!("{}_reader", home.database.name);
        home.database.psql_as_superuser(&format!(
            "CREATE ROLE {profile}; GRANT {profile} TO {} WITH ADMIN OPTION",
            home.role
        ));
        let mut key = service::howdah(["audit", "key", "--name", "example.org/turned"]);
        let key = key.arg(home.folder.path().join("audit.key")).output().unwrap();
        home.rotates(
            &home.database.user,
            &format!(
                "\n[audit]\nkey_file = \"{path}/audit.key\"\nfiles = [\"{path}/checkpoints\"]\nevery = \"200ms\"\n\
                 heartbeat = \"1s\"\n\n[access.policies.read]\nprofile = \"{profile}\"\napprovers = [\"dba\"]\n\
                 max_for = \"1h\"\nmax_pending = 100"
            ),
        );
        fs::write(home.folder.path().join("clock"), "+0").unwrap();
        let keeper = home.keeper_with(&[
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", &format!("{path}/clock")),
            ("FAKETIME_NO_CACHE", "1"),
            // A clock that is set leaves the monotonic one alone.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]);
        eventually("it leads", PATIENCE, || keeper.leads());
        home.operator();
        let token = fs::read_to_string(home.token("ann", "dev")).unwrap();
        let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
        let turned = Self { home, keeper, key, token: format!("Bearer {}", token.trim()) };
        eventually("its clock is ours", PATIENCE, || turned.ahead_s().abs() < 1000);
        turned
    }

    /// Turns the clock, and waits until the keeper has seen it.
    fn turn(&self, by: &str, ahead_s: i64) {
        let (draft, file) = ("clock.draft", self.home.folder.path().join("clock"));
        fs::rename(self.home.folder.write(draft, by), file).unwrap();
        eventually("its clock is turned", PATIENCE, || (self.ahead_s() - ahead_s).abs() < 200_000);
    }

    /// How far the clock is ahead, by the last checkpoint.
    fn ahead_s(&self) -> i64 {
        let note = self.keeper.get("/audit/checkpoint").text();
        let time = note.lines().find_map(|line| line.strip_prefix("time "));
        let time: i64 = time.and_then(|it| it.parse().ok()).unwrap_or(i64::MAX / 2);
        let ours = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        time - i64::try_from(ours.as_secs()).unwrap()
    }

    fn send(&self, method: &str, path: &str, token: &str, body: &Value) -> Reply {
        let fields = [("authorization", token), ("content-type", "application/json")];
        let body = if method == "GET" { String::new() } else { body.to_string() };
        http::send(self.keeper.address, method, path, &fields, body.as_bytes()).unwrap()
    }

    fn epoch(&self) -> Value {
        self.keeper.get("/ready").json()["epoch"].clone()
    }
}

#[test]
#[ignore = "takes libfaketime: `make chaos-access`"]
fn a_keeper_whose_clock_is_turned_rotates_and_keeps_its_lead() {
    let turned = Turned::new();
    let (home, keeper) = (&turned.home, &turned.keeper);
    let service = serve(home);
    done(home, keeper, "adopt");
    let (load, epoch) = (Load::on(&service), turned.epoch());
    assert!(epoch.is_number());
    for (by, ahead_s, generation) in
        [("+1y", YEAR_S, 2), ("-2y", -2 * YEAR_S, 3), ("+30y", 30 * YEAR_S, 4), ("+0", 0, 5)]
    {
        let begun = keeper.post("/credentials/rotate", &json!({}));
        assert_eq!(begun.status, 202, "{begun}");
        turned.turn(by, ahead_s);
        eventually("it ends", PATIENCE, || {
            let now = keeper.get("/credentials").json();
            now["phase"] == "idle" && now["current"]["generation"] == generation
        });
        assert!(signs_in(home));
        assert_eq!(home.published()["generation"], generation);
        let logins = ["_a", "_b"].map(|end| format!("{}{end}", home.database.user));
        assert_eq!(logins.iter().filter(|it| may_sign_in(home, it)).count(), 1);
    }
    assert_eq!(turned.epoch(), epoch, "it led all the time: {}", keeper.log());
    let (answered, failures) = load.end();
    assert!(failures.is_empty(), "{} of {answered}: {}", failures.len(), failures[0]);
    // The trail holds, whatever its checkpoints are dated; and one that is of a year from now is not fresh.
    let verified = || {
        let export = home.folder.path().join("trail.ndjson");
        let _ = fs::remove_file(&export);
        let mut command = service::howdah(["audit", "export", "--output"]);
        command.arg(&export).arg(home.folder.path());
        assert!(command.output().unwrap().status.success());
        let mut verify =
            service::howdah(["audit", "verify", "--key", &turned.key, "--max-age", "1h"]);
        verify.arg("--checkpoints").arg(home.folder.path().join("checkpoints")).arg(&export);
        let output = verify.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = verified();
    assert_eq!(code, Some(0), "{said}");
    turned.turn("+1y", YEAR_S);
    let (code, said) = verified();
    assert!(code == Some(5) && said.contains("from now"), "{said}");
    // Another takes over, by the right clock.
    drop(turned.keeper);
    let keeper = leading(home);
    done(home, &keeper, "rotate");
    eventually("it is fresh again", SOON, || verified().0 == Some(0));
}

#[test]
#[ignore = "takes libfaketime: `make chaos-access`"]
fn logins_tokens_and_cursors_under_a_turned_clock() {
    let turned = Turned::new();
    let (home, list) = (&turned.home, "/access/requests");
    let bob = fs::read_to_string(home.token("bob", "dba")).unwrap();
    let bob = format!("Bearer {}", bob.trim());
    let ask = |ttl: &str| {
        let body = json!({ "policy": "read", "for": ttl, "reason": "ticket" });
        turned.send("POST", list, &turned.token, &body)
    };
    let mut made = Value::Null;
    eventually("it is asked for", SOON, || {
        let reply = ask("30s");
        made = if reply.status == 201 { reply.json() } else { Value::Null };
        made.is_object()
    });
    let id = made["id"].as_str().unwrap().to_owned();
    let path = |act: &str| format!("{list}/{id}/{act}");
    let digest = json!({ "digest": made["digest"] });
    // A token that serves a month by the database's clock serves in a year of the keeper's.
    turned.turn("+1y", YEAR_S);
    assert_eq!(turned.send("POST", &path("approve"), &bob, &digest).status, 200);
    let login = turned.send("POST", &path("activate"), &turned.token, &json!({}));
    assert_eq!(login.status, 200, "{login}");
    let login = login.json();
    let mut config = home.database.config();
    config.user(login["login"].as_str().unwrap()).password(login["password"].as_str().unwrap());
    assert_eq!(database::run(&config, "SELECT 1").len(), 1);
    // It does not end early, and it ends although the keeper's clock went back.
    turned.turn("-2y", -2 * YEAR_S);
    let show = || turned.send("GET", &format!("{list}/{id}"), &turned.token, &Value::Null).json();
    eventually("it is closed", PATIENCE, || show()["state"] == "closed");
    let early = home.database.psql_as_superuser(
        "SELECT count(*) FROM (SELECT body FROM howdah.audit_inbox UNION ALL SELECT body FROM howdah.audit_leaf) b,
            howdah.access_grant g
         WHERE b.body::json #>> '{entry,action}' = 'grant.expired' AND (b.body::json ->> 'at')::timestamptz >= g.not_after",
    );
    assert_eq!(early[0][0].as_deref(), Some("1"), "by the database's clock");
    // A cursor is dated by the keeper: it ends early, or serves on, and says so by its own code.
    turned.turn("+0", 0);
    for _ in 0..51 {
        assert_eq!(ask("1h").status, 201);
    }
    let get = |path: &str| turned.send("GET", path, &turned.token, &Value::Null);
    let next = get(list).json()["next"].as_str().unwrap().to_owned();
    let page = format!("{list}?cursor={next}");
    assert_eq!(get(&page).status, 200);
    turned.turn("+1y", YEAR_S);
    assert_eq!(get(&page).problem(), "cursor-invalid");
    turned.turn("+0", 0);
    assert_eq!(get(&page).status, 200);
}
