//! The keeper's own login is rotated like an application's, and the keeper that leads goes on leading.

use super::{Load, SOON, done, home, leading, may_sign_in, serve};
use crate::support::{
    database::connect,
    eventually,
    keeper::{Home, Keeper},
};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// What the keeper's file holds.
pub(super) fn credential(home: &Home) -> Value {
    let text = std::fs::read_to_string(home.folder.path().join("keeper.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// `howdah credentials rotate --own`, to its end; gives what it printed.
pub(super) fn rotate(home: &Home, keeper: &Keeper) -> String {
    let mut command = home.howdah(&["credentials", "rotate", "--own"]);
    command.args(["--set", &format!("keeper.listen={}", keeper.address)]);
    let output = command.arg("--token-file").arg(&keeper.token).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{}", keeper.log());
    String::from_utf8(output.stdout).unwrap()
}

/// Which of the keeper's logins may sign in.
pub(super) fn enabled(home: &Home) -> Vec<String> {
    let logins = ["_a", "_b"].map(|end| format!("{}{end}", home.role));
    logins.into_iter().filter(|login| may_sign_in(home, login)).collect()
}

fn epoch(keeper: &Keeper) -> i64 {
    keeper.get("/ready").json()["epoch"].as_i64().unwrap()
}

#[test]
fn the_keeper_that_leads_goes_on_leading_while_its_own_login_changes() {
    let home = home("");
    let (service, keeper) = (serve(&home), leading(&home));
    done(&home, &keeper, "adopt");
    let other = home.keeper();
    let before = epoch(&keeper);
    let load = Load::on(&service);
    let over = AtomicBool::new(false);
    let (looks, gaps) = std::thread::scope(|scope| {
        // The lead is nobody else's at any moment, and the keeper never says that it has none.
        let watch = scope.spawn(|| {
            let (mut looks, mut gaps) = (0, 0);
            while !over.load(Ordering::Relaxed) {
                looks += 1;
                gaps += u32::from(!keeper.leads() || other.leads());
                std::thread::sleep(Duration::from_millis(20));
            }
            (looks, gaps)
        });
        let application = scope.spawn(|| drop(done(&home, &keeper, "rotate")));
        for generation in 2..=3 {
            let printed = rotate(&home, &keeper);
            for phase in ["applied", "verified", "published", "adopted", "overlap", "retired"] {
                assert!(printed.contains(phase), "{printed}");
            }
            let own = credential(&home);
            assert_eq!(own["generation"], generation);
            assert_eq!(enabled(&home), [own["user"].as_str().unwrap()]);
        }
        application.join().unwrap();
        over.store(true, Ordering::Relaxed);
        watch.join().unwrap()
    });
    assert!(looks > 10 && gaps == 0, "{gaps} of {looks}");
    assert_eq!(epoch(&keeper), before, "{}", keeper.log());
    let (answered, failures) = load.end();
    assert!(failures.is_empty(), "{} of {answered}: {}", failures.len(), failures[0]);
    assert_eq!(home.published()["generation"], 2);
    // Each transition has one entry, in the keeper's name.
    let entries = home.database.psql_as_superuser(
        "SELECT e #>> '{entry,action}', e #>> '{entry,detail,generation}', count(*)
         FROM (SELECT body::json AS e FROM howdah.audit_inbox WHERE writer = 'rotation') AS it
         WHERE e #>> '{entry,subject}' = 'keeper' GROUP BY 1, 2",
    );
    assert_eq!(entries.len(), 2 * 7, "{entries:?}");
    assert!(entries.iter().all(|row| row[2].as_deref() == Some("1")), "{entries:?}");
    // All of them follow: nobody is left on an earlier generation.
    let status = keeper.get("/credentials/keeper").json();
    assert_eq!((&status["phase"], &status["current"]["generation"]), (&"idle".into(), &3.into()));
    let sessions = status["sessions"].as_array().unwrap();
    assert!(!sessions.is_empty() && sessions.iter().all(|it| it["generation"] == 3), "{status}");
    drop(keeper);
    eventually("the other leads", SOON, || other.leads());
    rotate(&home, &other);
    let mut command = home.howdah(&["credentials", "status"]);
    command.args(["--set", &format!("keeper.listen={}", other.address)]);
    let output = command.arg("--token-file").arg(&other.token).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let (application, own) = said.split_once("the keeper's own").unwrap();
    assert!(application.contains("generation   2") && own.contains("generation   4"), "{said}");
}

#[test]
fn the_function_changes_the_two_logins_and_nothing_else() {
    let home = home("");
    let role = &home.role;
    let verifier = "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy";
    let call = |who: &str, login: &str, verifier: &str| {
        let sql = format!(
            "SET SESSION AUTHORIZATION {who}; SELECT howdah.keeper_login('{login}', '{verifier}')"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime
            .block_on(async { connect(&home.database.superuser()).await.simple_query(&sql).await });
        outcome.err().map(|error| error.code().unwrap().code().to_owned())
    };
    let owner = &home.database.user;
    let logins = format!("{role}_logins");
    for login in ["postgres", owner.as_str(), role.as_str(), logins.as_str(), ""] {
        assert_eq!(call(role, login, verifier).as_deref(), Some("42501"), "{login}");
    }
    for bad in ["hunter2", "md5d41d8cd98f00b204e9800998ecf8427e", "", "SCRAM-SHA-256$1:x"] {
        assert_eq!(call(role, &format!("{role}_b"), bad).as_deref(), Some("22023"), "{bad}");
    }
    for who in [owner.clone(), format!("{owner}_a")] {
        assert_eq!(call(&who, &format!("{role}_b"), verifier).as_deref(), Some("42501"), "{who}");
    }
    assert_eq!(enabled(&home), [format!("{role}_a")]);
    assert_eq!(call(role, &format!("{role}_b"), verifier), None);
    assert_eq!(enabled(&home).len(), 2);
}

#[test]
fn without_its_function_a_keeper_says_so_and_goes_on_when_it_is_there() {
    let home = home("");
    home.database.psql_as_superuser("DROP FUNCTION howdah.keeper_login(text, text)");
    let (_service, keeper) = (serve(&home), leading(&home));
    done(&home, &keeper, "adopt");
    done(&home, &keeper, "rotate");
    eventually("it says so", SOON, || keeper.log().contains("credentials setup"));
    let refused = keeper.post("/credentials/keeper/rotate", &json!({}));
    assert_eq!(refused.status, 409, "{refused}");
    let output = home.howdah(&["credentials", "setup"]).args(["--role", &home.role]).output();
    home.database.psql_as_superuser(&String::from_utf8(output.unwrap().stdout).unwrap());
    eventually("it begins", SOON, || {
        keeper.post("/credentials/keeper/rotate", &json!({})).status == 202
    });
    eventually("it ends", SOON, || {
        let status = keeper.get("/credentials/keeper").json();
        status["phase"] == "idle" && status["current"]["generation"] == 2
    });
    // The setup may be run again at any time, and leaves what is in use.
    let output = home.howdah(&["credentials", "setup"]).args(["--role", &home.role]).output();
    home.database.psql_as_superuser(&String::from_utf8(output.unwrap().stdout).unwrap());
    assert_eq!(enabled(&home), [format!("{}_b", home.role)]);
    rotate(&home, &keeper);
}

#[test]
fn a_credential_that_the_database_has_lost_does_not_shut_the_keeper_out() {
    let home = home("");
    let keeper = leading(&home);
    eventually("its state is there", SOON, || keeper.get("/credentials/keeper").status == 200);
    let before = epoch(&keeper);
    // As after a failover to before a rotation: the file is ahead, and its login does not sign in.
    let ahead = json!({ "generation": 7, "user": format!("{}_b", home.role), "password": "lost" });
    home.folder.write("draft", ahead.to_string());
    let path = |name: &str| home.folder.path().join(name);
    std::fs::rename(path("draft"), path("keeper.json")).unwrap();
    home.database.psql_as_superuser(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name LIKE 'howdah keeper%' AND datname = current_database()",
    );
    eventually("it is whole again", SOON, || {
        let own = credential(&home);
        own["generation"] == 8 && enabled(&home) == [own["user"].as_str().unwrap()]
    });
    assert!(epoch(&keeper) > before);
    rotate(&home, &keeper);
}
