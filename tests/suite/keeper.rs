//! The keeper as a process: one leads, another follows it, and the listener says so.

use crate::support::{
    database::Database,
    eventually,
    keeper::{Home, Keeper},
    postgres::cluster,
};
use rustix::process::Signal;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn home() -> Home {
    let home = Home::new(Database::create(cluster()), "");
    home.leads();
    home
}

#[test]
fn one_keeper_leads_and_the_next_follows_it() {
    let home = home();
    let first = home.keeper();
    eventually("the first leads", SOON, || first.leads());
    let epoch = first.get("/ready").json()["epoch"].as_i64().unwrap();
    let others = [home.keeper(), home.keeper()];
    eventually("the others wait", SOON, || {
        others
            .iter()
            .all(|it| it.get("/ready").json()["waits_for"] == "the keeper that leads, to end")
    });
    assert!(others.iter().all(|it| it.get("/live").status == 200));
    drop(first);
    let after = eventually("another leads", SOON, || others.iter().any(Keeper::leads));
    assert!(after < Duration::from_secs(3), "{after:?}");
    let leading: Vec<_> = others.iter().filter(|it| it.leads()).collect();
    assert_eq!(leading.len(), 1);
    assert_eq!(leading[0].get("/ready").json()["epoch"], epoch + 1);
}

#[test]
fn a_keeper_whose_session_is_ended_leads_again() {
    let home = home();
    let keeper = home.keeper();
    eventually("it leads", SOON, || keeper.leads());
    let epoch = keeper.get("/ready").json()["epoch"].as_i64().unwrap();
    home.database.psql_as_superuser(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name LIKE 'howdah keeper g%' AND datname = current_database()",
    );
    eventually("it leads again", SOON, || {
        keeper.get("/ready").json()["epoch"].as_i64().is_some_and(|it| it > epoch)
    });
}

#[test]
fn a_keeper_that_was_overtaken_while_it_stood_still_knows_it() {
    let home = home();
    let first = home.keeper();
    eventually("the first leads", SOON, || first.leads());
    let second = home.keeper();
    first.signal(Signal::STOP);
    // As the server does when it finds the other side gone.
    home.database.psql_as_superuser(
        "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()",
    );
    eventually("the second leads", SOON, || second.leads());
    first.signal(Signal::CONT);
    eventually("the first knows", SOON, || !first.leads());
    assert!(second.leads());
}

#[test]
fn the_listener_describes_itself_and_refuses_what_it_has_not() {
    let home = home();
    let keeper = home.keeper();
    let document = keeper.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/ready"]["get"].is_object());
    assert_eq!(keeper.get("/nothing").problem(), "not-found");
    let refused = keeper.post("/live", &serde_json::json!({}));
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET")));
    let printed = home.howdah(&["keeper", "--openapi"]).output().unwrap();
    let printed: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed, document);
}

#[test]
fn a_keeper_without_its_role_says_why_it_does_not_lead() {
    let home = Home::new(Database::create(cluster()), "");
    let keeper = home.keeper();
    eventually("it says so", SOON, || {
        let waits = keeper.get("/ready").json()["waits_for"].to_string();
        waits.contains("keeper.json") && waits.contains("cannot be read")
    });
    home.leads();
    eventually("it leads", SOON, || keeper.leads());
    // A step that this program does not know: a newer keeper has been here.
    home.database.psql_as_superuser(
        "INSERT INTO howdah.keeper_step (number, name, digest) VALUES (999, '999_new.sql', '')",
    );
    let older = home.keeper();
    drop(keeper);
    eventually("it stops before it does harm", SOON, || {
        older.get("/ready").json()["waits_for"].to_string().contains("does not know")
    });
}

#[test]
fn a_keeper_does_not_listen_on_the_network() {
    let home = home();
    let output =
        home.howdah(&["keeper"]).args(["--set", "keeper.listen=0.0.0.0:9100"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("can be reached from outside"), "{said}");
}
