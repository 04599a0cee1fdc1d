//! Behind a real PgBouncer in transaction mode, which gives a server connection for one transaction at a
//! time: nothing that a session keeps is there for the next. The service stands in
//! `tests/suite/pooler/service`.

use crate::support::{
    database::Database,
    eventually,
    http::{self, PATIENCE},
    pooler::{self, Pooler},
    postgres::{self, Cluster},
    service::{Service, howdah, serve},
};
use std::{
    collections::BTreeSet,
    process::{Command, Output},
    time::Duration,
};

const FOLDER: &str = "tests/suite/pooler/service";

/// Parts of this suite that pass behind a pooler too: one for each way to the database.
const ALIKE: &[&str] = &[
    "auth::rows::",
    "bulk::conflicts::",
    "bulk::formats::every_type_has_its_form",
    "bulk::refusals::what_postgresql_finds",
    "cache::channels::a_notification_ends_what_was_answered_before",
    // Those of callers that leave in crowds: `CROWDS`.
    "lane::cancelling::a_caller_that_goes_away",
    "lane::cancelling::the_deadline_and",
    "lane::exclusive::everything_runs_as_whom_the_permit_says",
    "lane::identity::",
    "lane::reads::",
    "once::callers::",
    "once::requests::",
    "streams::media::small_results",
];

/// Parts that send so many requests to cancel that PgBouncer before 1.21 seldom outlives them.
const CROWDS: &[&str] = &["lane::cancelling::"];
/// How often the parts are begun anew because PgBouncer has ended by its own fault.
const ENDS: u32 = 5;

fn notes(database: &Database) {
    database.psql("CREATE TABLE notes (text text NOT NULL)");
}

fn start(database: &Database) -> Service {
    let service = serve(FOLDER).database(database).arg("--threads=1").start();
    eventually("ready", PATIENCE, || service.get_admin("/ready").status == 200);
    service
}

/// What a session of the pooler says.
fn asked(database: &Database, port: u16, sql: &str) -> String {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).dbname(&database.name);
    config.user(&database.user).password(&database.password);
    crate::support::database::run(&config, sql)[0][0].clone().unwrap()
}

#[test]
fn many_callers_share_few_sessions_that_keep_nothing() {
    let Some(pooler) = Pooler::start(postgres::cluster(), 2, "") else { return };
    let database = postgres::database().behind(pooler.port);
    notes(&database);
    let service = start(&database);
    let pids: BTreeSet<i64> = std::thread::scope(|scope| {
        let callers = (0..8).map(|caller| {
            let service = &service;
            scope.spawn(move || {
                (0..40)
                    .map(|_| {
                        let reply = service.get(&format!("/session?caller={caller}"));
                        assert_eq!(reply.status, 200, "{reply}");
                        let json = reply.json();
                        assert_eq!(json["caller"], caller);
                        let told =
                            ["timeout", "read_only", "zone"].map(|it| json[it].as_str().unwrap());
                        assert_eq!(told, ["1500ms", "on", "UTC"]);
                        assert_eq!(json["prepared"], 0);
                        let body = format!(r#"{{"text":"of {caller}"}}"#);
                        let fields = [("content-type", "application/json")];
                        let written = service.send("POST", "/written", &fields, body.as_bytes());
                        assert_eq!(written.status, 200, "{written}");
                        let json = written.json();
                        let told =
                            ["text", "timeout", "read_only"].map(|it| json[it].as_str().unwrap());
                        assert_eq!(told, [format!("of {caller}").as_str(), "2500ms", "off"]);
                        reply.json()["pid"].as_i64().unwrap()
                    })
                    .collect::<Vec<_>>()
            })
        });
        let callers: Vec<_> = callers.collect();
        callers.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    assert!(pids.len() <= 2, "{pids:?}");
    assert_eq!(database.psql("SELECT count(*) FROM notes")[0][0].as_deref(), Some("320"));
    let stream = service.send("GET", "/stream", &[("accept", "text/csv")], b"").text();
    assert_eq!(
        stream.lines().filter(|line| line.ends_with(",7s,on")).count(),
        20_000,
        "{stream:.200}"
    );
    // Who comes after finds the session as the server gives it.
    for (setting, expected) in
        [("statement_timeout", "0"), ("transaction_read_only", "off"), ("role", "none")]
    {
        assert_eq!(asked(&database, pooler.port, &format!("SHOW {setting}")), expected);
    }
}

#[test]
fn what_takes_too_long_is_stopped_in_the_server() {
    let Some(pooler) = Pooler::start(postgres::cluster(), 2, "") else { return };
    let database = postgres::database().behind(pooler.port);
    notes(&database);
    let service = start(&database);
    let sleeping = |what: &str| {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'";
        let sql = format!("{sql} AND query LIKE '%pg_sleep({what})%' AND pid <> pg_backend_pid()");
        database.psql(&sql)[0][0].as_deref() != Some("0")
    };
    for (path, what) in [("/slow", "60"), ("/late", "61")] {
        let reply = service.get(path);
        assert_eq!(reply.problem(), "deadline-exceeded", "{path}");
        eventually("it is stopped", Duration::from_secs(10), || !sleeping(what));
    }
    // A caller that leaves.
    let left = std::net::TcpStream::connect(service.http).unwrap();
    std::io::Write::write_all(&mut &left, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    eventually("it runs", PATIENCE, || sleeping("60"));
    drop(left);
    eventually("it is stopped", Duration::from_secs(10), || !sleeping("60"));
    assert_eq!(service.get("/session?caller=1").status, 200);
}

#[test]
fn a_database_that_is_restarted_behind_it_comes_back() {
    let cluster = Cluster::start();
    let Some(pooler) = Pooler::start(&cluster, 2, "") else { return };
    let database = Database::create(&cluster).behind(pooler.port);
    notes(&database);
    let service = start(&database);
    for _ in 0..2 {
        assert_eq!(service.get("/session?caller=1").status, 200);
        cluster.crash();
        cluster.restart();
        eventually("it answers again", PATIENCE, || {
            let reply = http::send(service.http, "GET", "/session?caller=1", &[], b"").unwrap();
            assert!(matches!(reply.status, 200 | 503), "{reply}");
            reply.status == 200
        });
    }
}

#[test]
fn a_pooler_that_nobody_spoke_of_is_told() {
    let Some(pooler) = Pooler::start(postgres::cluster(), 2, "") else { return };
    let database = postgres::database();
    notes(&database);
    let undeclared = serve(FOLDER).database(&database.through(pooler.port)).refused();
    let said = String::from_utf8_lossy(&undeclared.stderr).into_owned();
    assert!(!undeclared.status.success() && said.contains("there is a pooler"), "{said}");
    assert!(said.contains("pooler = \"transaction\""), "{said}");
    let pooled = database.behind(pooler.port);
    let checked = |variable: &str, value: &str| -> Output {
        let mut command = howdah(["check"]);
        let folder = crate::support::service::project(FOLDER);
        command.arg(folder).envs(pooled.environment()).env(variable, value).output().unwrap()
    };
    let fine = checked("HOWDAH_DATABASE_CONNECT_TIMEOUT", "10s");
    assert!(fine.status.success(), "{}", String::from_utf8_lossy(&fine.stderr));
    let in_vain = checked("HOWDAH_DATABASE_POOLER", "none");
    let said = String::from_utf8_lossy(&in_vain.stderr).into_owned();
    assert!(said.contains("`pooler` says that `host` is the server"), "{said}");
    for (variable, value, expected) in [
        ("HOWDAH_DATABASE_DIRECT_HOST", "", "`direct_host` does not say where the server is"),
        (
            "HOWDAH_DATABASE_POOLER",
            "transactions",
            "takes `none` or `transaction`, not `transactions`",
        ),
        ("HOWDAH_DATABASE_DIRECT_PORT", "1,2", "names 2 ports for 1 hosts"),
    ] {
        let output = checked(variable, value);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{variable}={value}: {said}");
    }
}

#[test]
fn migrations_are_made_around_it() {
    let Some(pooler) = Pooler::start(postgres::cluster(), 2, "") else { return };
    let database = postgres::database().behind(pooler.port);
    let mut command = howdah(["migrate"]);
    let folder = crate::support::service::project("tests/suite/once/service");
    let output = command.arg(folder).envs(database.environment()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        database.psql("SELECT to_regclass('howdah.idempotency') IS NOT NULL")[0][0].as_deref(),
        Some("t")
    );
}

#[test]
fn other_parts_of_the_suite_pass_behind_it() {
    if pooler::is_asked_for() || pooler::pooler().is_none() {
        return;
    }
    let crowds = if pooler::version() >= Some((1, 21)) { CROWDS } else { &[] };
    let run = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(ALIKE)
            .args(crowds)
            .args(["--test-threads=2"])
            .env("HOWDAH_TEST_POOLER", "yes");
        command.output().unwrap()
    };
    let mut output = run();
    for _ in 0..ENDS {
        if output.status.code() != Some(pooler::POOLER_ENDED) {
            break;
        }
        eprintln!("{}begun anew", String::from_utf8_lossy(&output.stderr));
        output = run();
    }
    let said = String::from_utf8_lossy(&output.stdout);
    // Set off from what this process says: who reads the names of failed tests there shall not find these.
    let told = said.lines().map(|line| ["  | ", line, "\n"].concat()).collect::<String>();
    assert!(output.status.success(), "{}\n{told}", output.status);
    let passed: usize = said
        .split_once("test result: ok. ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
        .unwrap();
    assert!(passed >= 30, "only {passed}:\n{told}");
}
