//! Starting: without a database, with a wrong password, with a wrong statement, where somebody
//! else listens; and what `probe` says meanwhile.

use super::{FOLDER, database, surface, wait_until_ready};
use crate::support::{
    database::Database,
    eventually,
    folder::Folder,
    http::PATIENCE,
    proxy::Proxy,
    service::{Service, howdah, project, serve},
};
use rustix::process::Signal;
use std::{process::Output, time::Duration};

const PLANTED: &str = "planted-p4ssw0rd-that-nobody-prints";

fn without_password(database: &Database) -> Database {
    let mut database = database.clone();
    database.password.clear();
    database
}

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]].concat().iter().map(|byte| char::from(*byte)).collect()
}

fn probe(service: &Service, more: &[&str]) -> Output {
    let admin = format!("listen.admin={}", service.admin);
    let mut command = howdah(["probe"]);
    command.arg(project(FOLDER)).args(["--set", &admin]).args(more);
    command.envs(database().environment()).output().unwrap()
}

#[test]
fn without_its_database_it_starts_and_becomes_ready_by_itself() {
    let database = database();
    let proxy = Proxy::to(database.port);
    proxy.cut();
    let service = surface(&database.through(proxy.port)).start();
    assert_eq!(service.get_admin("/live").status, 200);
    let ready = service.get_admin("/ready");
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &false.into()));
    assert_eq!(probe(&service, &["--live"]).status.code(), Some(0));
    let refused = probe(&service, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("503"), "{}", text(&refused));

    for target in ["/echo?text=a", "/things", "/things/1"] {
        let answer = service.get(target);
        assert_eq!((answer.status, answer.problem().as_str()), (503, "database-unavailable"));
        assert!(answer.header("retry-after").is_some(), "{answer}");
    }
    assert_eq!(service.get("/hello").status, 200, "what needs no database is served");
    assert_eq!(service.get("/nope").status, 404);

    proxy.restore();
    wait_until_ready(&service);
    assert_eq!(service.get("/echo?text=a").text(), r#""a""#);
    assert_eq!(probe(&service, &[]).status.code(), Some(0));

    // And away again while it runs.
    proxy.cut();
    eventually("/ready says so", PATIENCE, || service.get_admin("/ready").status == 503);
    assert_eq!(service.get("/echo?text=a").problem(), "database-unavailable");
    assert_eq!(service.get_admin("/live").status, 200);
    proxy.restore();
    wait_until_ready(&service);
    assert_eq!(service.get("/echo?text=a").text(), r#""a""#);
}

#[test]
fn the_admin_listener_answers_nothing_else() {
    let service = super::started();
    assert_eq!(service.get_admin("/echo?text=a").problem(), "not-found");
    assert_eq!(service.get("/live").problem(), "not-found");
    assert_eq!(service.get("/ready").problem(), "not-found");
    let post = crate::support::http::send(service.admin, "POST", "/ready", &[], b"").unwrap();
    assert_eq!(post.problem(), "method-not-allowed");
    assert_eq!(post.header("allow"), Some("GET, HEAD"));
}

#[test]
fn a_wrong_password_stops_the_start_without_being_shown() {
    let mut database = database();
    database.password = PLANTED.to_owned();
    let refused = surface(&database).refused();
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused));
    assert!(text(&refused).contains("28P01"), "{}", text(&refused));
    assert!(text(&refused).to_lowercase().contains("password"), "{}", text(&refused));
    assert!(!text(&refused).contains(PLANTED), "{}", text(&refused));
    for command in ["describe", "migrate"] {
        let output =
            howdah([command]).arg(project(FOLDER)).envs(database.environment()).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{command}: {}", text(&output));
        assert!(!text(&output).contains(PLANTED), "{}", text(&output));
    }
}

#[test]
fn a_password_file_is_read_and_never_shown() {
    let database = database();
    let folder = Folder::new("secret");
    let file = folder.write("password", format!("{}\n", database.password));
    let service = surface(&without_password(&database));
    let service = service.env("DB_PASSWORD_FILE", &file).start();
    wait_until_ready(&service);
    assert!(!service.stop().1.contains(&database.password));

    let missing = surface(&without_password(&database));
    let missing = missing.env("DB_PASSWORD_FILE", "/nowhere/password").refused();
    assert!(matches!(missing.status.code(), Some(3 | 4)), "{}", text(&missing));
    assert!(text(&missing).contains("/nowhere/password"), "{}", text(&missing));
}

#[test]
fn a_connection_url_is_read_and_never_shown() {
    let (database, folder) = (database(), Folder::new("url"));
    // The manifest names another host, user and database; the first host of the URL is not there.
    let url = format!(
        "postgresql://{}:{}@127.0.0.1:1,{}:{}/{}?application_name=by%20url",
        database.user, database.password, database.host, database.port, database.name
    );
    let mut nothing = without_password(&database);
    nothing.host = "nowhere.invalid".into();
    nothing.name = "nothing".into();
    nothing.user = "nobody".into();
    let file = folder.write("url", format!("{url}\n"));
    for (variable, value) in [
        ("HOWDAH_DATABASE_URL_FILE", file.to_str().unwrap()),
        ("HOWDAH_DATABASE_URL", url.as_str()),
    ] {
        let service = surface(&nothing).env(variable, value).start();
        wait_until_ready(&service);
        assert_eq!(service.get("/echo?text=a").text(), r#""a""#);
        let sessions = database.psql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND application_name = 'by url'",
        );
        assert_ne!(sessions[0][0].as_deref(), Some("0"));
        // It is read again, by a process that has given up what it does not need.
        service.signal(Signal::HUP);
        eventually("it is read again", PATIENCE, || service.output().contains("\"reloaded\""));
        let output = service.stop().1;
        assert!(!output.contains(&database.password), "{output}");
        let warned = output.contains("the password in `database.url` comes from the environment");
        assert_eq!(warned, variable == "HOWDAH_DATABASE_URL", "{output}");
    }
    for (wrong, word) in [
        ("?options=-c", "the parameter `options`"),
        ("&x", "a parameter"),
        ("/@", "an `@`"),
        ("&sslmode=full", "`sslmode` of the connection URL"),
    ] {
        let wrong = url.replace("?application_name=by%20url", "") + &wrong.replace('&', "?");
        for (variable, value) in [
            ("HOWDAH_DATABASE_URL_FILE", folder.write("wrong", &wrong).to_str().unwrap()),
            ("HOWDAH_DATABASE_URL", &wrong),
        ] {
            let refused = surface(&nothing).env(variable, value).refused();
            let said = text(&refused);
            assert_eq!(refused.status.code(), Some(3), "{said}");
            assert!(said.contains(word) && !said.contains(&database.password), "{word}: {said}");
        }
    }
}

#[test]
fn a_statement_that_does_not_prepare_stops_the_start_with_its_place() {
    let folder = Folder::new("wrong");
    let database = database();
    let manifest = std::fs::read_to_string(project(FOLDER).join("howdah.toml")).unwrap();
    folder.write("howdah.toml", manifest);
    let front = "/*\nget = \"/x\"\n*/\n";
    folder.write("endpoints/a.sql", format!("{front}SELECT nothing FROM things\n"));
    folder.write(
        "endpoints/b.sql",
        format!("{}SELECT id\nFROM nowhere\n", front.replace("/x", "/y")),
    );
    let refused = serve(folder.path()).database(&database).refused();
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    for part in ["a.sql:4:8", "b.sql:5:6", "42703", "42P01", "^", "nothing"] {
        assert!(said.contains(part), "no {part} in\n{said}");
    }
    let output = howdah(["check", "--database"])
        .arg(folder.path())
        .envs(database.environment())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("b.sql:5:6"), "{}", text(&output));
}

#[test]
fn an_address_in_use_is_said_so() {
    let service = super::started();
    let database = database();
    let address = service.http.to_string();
    let refused = surface(&database).arg("--set").arg(format!("listen.http={address}")).refused();
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains(&address), "{}", text(&refused));
    assert!(text(&refused).contains("listens there"), "{}", text(&refused));
}

#[test]
fn probe_does_not_wait_for_a_service_that_hangs() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = format!("listen.admin={}", listener.local_addr().unwrap());
    let start = std::time::Instant::now();
    let mut command = howdah(["probe"]);
    command.arg(project(FOLDER)).args(["--set", &admin, "--timeout-ms", "300"]);
    let output = command.envs(database().environment()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(start.elapsed() < Duration::from_secs(15));
}
