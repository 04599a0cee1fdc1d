//! The service folder is changed while it is served.

use crate::support::{
    database::Database,
    eventually,
    folder::Folder,
    http::PATIENCE,
    postgres,
    service::{Service, serve},
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::{
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// A manifest whose folder is looked at often, with more of it behind.
fn manifest(reply: &str, more: &str) -> String {
    format!(
        "[service]\nname = \"reload\"\n\
         [listen]\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
         [database]\nhost = \"${{DB_HOST}}\"\nport = \"${{DB_PORT}}\"\nname = \"${{DB_NAME}}\"\n\
         user = \"${{DB_USER}}\"\npassword = \"${{DB_PASSWORD:-}}\"\n\
         [lanes.read]\nconnections = 1\n{more}\n\
         [[route]]\nget = \"/hello\"\nreply = \"{reply}\"\n"
    )
}

const OFTEN: &str = "[reload]\nevery = \"100ms\"";

/// An endpoint that gives one value.
fn endpoint(path: &str, value: &str) -> String {
    format!("/*\nget = \"{path}\"\nresult = \"value\"\n*/\nSELECT {value} AS value\n")
}

/// A folder with two endpoints.
fn folder(more: &str) -> Folder {
    let folder = Folder::new("reload");
    folder.write("howdah.toml", manifest("one", more));
    folder.write("endpoints/a.sql", endpoint("/a", "'one'::text"));
    folder.write("endpoints/pid.sql", endpoint("/pid", "pg_backend_pid()"));
    folder
}

fn start(path: &Path, database: &Database) -> Service {
    let service = serve(path).database(database).arg("--threads=1").start();
    eventually("ready", PATIENCE, || service.get_admin("/ready").status == 200);
    service
}

fn told(service: &Service) -> Value {
    service.get_admin("/reload").json()
}

fn gives(service: &Service, path: &str, value: &Value) {
    eventually(&format!("{path} gives {value}"), PATIENCE, || {
        let reply = service.get(path);
        reply.status == 200 && reply.json() == *value
    });
}

#[test]
fn a_change_is_served_on_the_same_connections_and_what_runs_ends_as_it_began() {
    let (folder, database) = (folder(OFTEN), postgres::database());
    folder.write("endpoints/slow.sql", endpoint("/slow", "'slow' FROM pg_sleep(3)"));
    folder.write("endpoints/gone.sql", endpoint("/gone", "1"));
    let service = start(folder.path(), &database);
    let pid = service.get("/pid").json();
    assert_eq!(service.get("/a").json(), "one");
    assert_eq!(told(&service)["taken_at"], Value::Null);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| service.get("/slow"));
        eventually("it runs", PATIENCE, || {
            let sql = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3)%' \
                       AND state = 'active' AND pid <> pg_backend_pid()";
            !database.psql(sql).is_empty()
        });
        folder.write("endpoints/a.sql", endpoint("/a", "'two'::text"));
        folder.write("endpoints/new.sql", endpoint("/new", "'three'::text"));
        std::fs::remove_file(folder.path().join("endpoints/slow.sql")).unwrap();
        std::fs::remove_file(folder.path().join("endpoints/gone.sql")).unwrap();
        eventually("it is taken", PATIENCE, || told(&service)["taken_at"].is_u64());
        assert_eq!(service.get("/slow").status, 404, "it is gone for new requests");
        assert_eq!(slow.join().unwrap().json(), "slow", "and not for the one that runs");
    });
    gives(&service, "/a", &json!("two"));
    gives(&service, "/new", &json!("three"));
    assert_eq!(service.get("/gone").status, 404);
    assert_eq!(service.get("/pid").json(), pid, "the lane has the same connection");
    assert_eq!(told(&service)["routes"], 4);
    assert_eq!(told(&service)["refused"], Value::Null);
    let metrics = service.get_admin("/metrics").text();
    assert!(metrics.contains("howdah_reloads_total{outcome=\"done\"} 1"), "{metrics}");
}

#[test]
fn a_lane_with_other_settings_is_opened_anew() {
    let (folder, database) = (folder(OFTEN), postgres::database());
    let service = start(folder.path(), &database);
    let pid = service.get("/pid").json();
    folder.write("howdah.toml", manifest("two", &format!("queue = 7\n{OFTEN}")));
    eventually("the change is served", PATIENCE, || service.get("/hello").text() == "two");
    assert_ne!(service.get("/pid").json(), pid);
    assert_eq!(service.get("/a").json(), "one");
}

#[test]
fn a_bad_change_is_told_and_the_old_service_goes_on() {
    let (folder, database) = (folder(OFTEN), postgres::database());
    let service = start(folder.path(), &database);
    // Of two files one is wrong: neither counts.
    folder.write("howdah.toml", manifest("two", OFTEN));
    folder.write("endpoints/a.sql", endpoint("/a", "nonsense"));
    eventually("it is refused", PATIENCE, || told(&service)["refused"].is_object());
    let error = told(&service)["refused"]["errors"][0].clone();
    assert!(error["file"].as_str().unwrap().ends_with("endpoints/a.sql"), "{error}");
    assert_eq!((&error["line"], &error["sqlstate"]), (&json!(5), &json!("42703")), "{error}");
    eventually("it is logged", PATIENCE, || {
        let log = service.output();
        let told = log.contains("endpoints/a.sql:5:8: ");
        told && log.contains("the last good version keeps serving")
    });
    assert_eq!(service.get("/a").json(), "one");
    assert_eq!(service.get("/hello").text(), "one", "not even the good half of it");
    assert_eq!(service.get_admin("/ready").status, 200);
    let metrics = service.get_admin("/metrics").text();
    assert!(metrics.contains("howdah_reloads_total{outcome=\"refused\"} 1"), "{metrics}");

    folder.write("howdah.toml", "[service\n");
    eventually("it is refused", PATIENCE, || {
        told(&service)["refused"]["errors"][0]["code"] == "toml-syntax"
    });
    assert_eq!(service.get("/hello").text(), "one");

    folder.write("endpoints/a.sql", endpoint("/a", "'two'::text"));
    folder.write("howdah.toml", manifest("two", OFTEN));
    gives(&service, "/a", &json!("two"));
    assert_eq!(service.get("/hello").text(), "two");
    assert_eq!(told(&service)["refused"], Value::Null);
}

#[test]
fn what_a_migration_mends_needs_no_second_change() {
    let (folder, database) = (folder(OFTEN), postgres::database());
    let service = start(folder.path(), &database);
    folder.write("endpoints/t.sql", endpoint("/t", "x FROM t"));
    eventually("it is refused", PATIENCE, || told(&service)["refused"].is_object());
    database.psql("CREATE TABLE t AS SELECT 7 AS x");
    gives(&service, "/t", &json!(7));
    let metrics = service.get_admin("/metrics").text();
    assert!(metrics.contains("{outcome=\"refused\"} 1"), "the same is told once: {metrics}");
}

#[test]
fn a_signal_has_it_read_where_nobody_looks() {
    let (folder, database) = (folder("[reload]\nwatch = \"off\""), postgres::database());
    let service = start(folder.path(), &database);
    folder.write("endpoints/a.sql", endpoint("/a", "'two'::text"));
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!((&told(&service)["watch"], service.get("/a").json()), (&json!(false), json!("one")));
    service.signal(Signal::HUP);
    gives(&service, "/a", &json!("two"));
    // What is as it was is read all the same.
    let before = service.output().matches("\"reloaded\"").count();
    service.signal(Signal::HUP);
    eventually("it is read again", PATIENCE, || {
        service.output().matches("\"reloaded\"").count() > before
    });
}

#[test]
fn what_needs_a_restart_is_named_and_the_rest_counts() {
    let (folder, database) = (folder(OFTEN), postgres::database());
    let service = start(folder.path(), &database);
    let more = format!("{OFTEN}\n[log]\nlevel = \"error\"\n[hardening]\nsystem_calls = \"off\"");
    folder.write("howdah.toml", manifest("two", &more));
    eventually("the change is served", PATIENCE, || service.get("/hello").text() == "two");
    assert_eq!(told(&service)["waits_for_restart"], json!(["hardening", "log"]));
    eventually("it is told", PATIENCE, || {
        service.output().contains("`hardening`, `log` changed, which counts after a restart alone")
    });
}

#[test]
fn a_link_that_is_turned_is_a_change() {
    let (root, database) = (Folder::new("reload"), postgres::database());
    for version in ["one", "two"] {
        let value = format!("'{version}'::text");
        root.write(&format!("releases/{version}/howdah.toml"), manifest(version, OFTEN));
        root.write(&format!("releases/{version}/endpoints/a.sql"), endpoint("/a", &value));
    }
    // As Kubernetes mounts a ConfigMap: the files lead through one link, which is turned.
    let mounted = root.path().join("mounted");
    std::fs::create_dir(&mounted).unwrap();
    std::fs::rename(root.path().join("releases"), mounted.join("..versions")).unwrap();
    symlink("..versions/one", mounted.join("..data")).unwrap();
    for name in ["howdah.toml", "endpoints"] {
        symlink(format!("..data/{name}"), mounted.join(name)).unwrap();
    }
    // As releases are often switched: the folder itself is a link.
    let current = root.path().join("current");
    symlink("mounted/..versions/one", &current).unwrap();
    let services = [start(&mounted, &database), start(&current, &database)];
    let turn = |link: &Path, to: &str| {
        let draft = link.with_file_name("draft");
        symlink(to, &draft).unwrap();
        std::fs::rename(&draft, link).unwrap();
    };
    for service in &services {
        assert_eq!(service.get("/a").json(), "one");
    }
    turn(&mounted.join("..data"), "..versions/two");
    turn(&current, "mounted/..versions/two");
    for service in &services {
        gives(service, "/a", &json!("two"));
        assert_eq!(service.get("/hello").text(), "two");
    }
}

#[test]
fn a_file_that_is_still_being_written_is_left_alone() {
    let database = postgres::database();
    let folder = folder("[reload]\nevery = \"2s\"");
    let service = start(folder.path(), &database);
    let begun = Instant::now();
    let mut half = String::from("/*\nget = \"/a\"\n");
    while begun.elapsed() < Duration::from_secs(5) {
        half.push_str("# not yet\n");
        folder.write("endpoints/a.sql", &half);
        std::thread::sleep(Duration::from_millis(20));
    }
    folder.write("endpoints/a.sql", endpoint("/a", "'two'::text"));
    gives(&service, "/a", &json!("two"));
    assert!(!service.output().contains("keeps serving"), "{}", service.output());
}

#[test]
fn under_load_no_request_fails_and_each_is_answered_by_one_version() {
    let (folder, database) = (folder(OFTEN), postgres::database());
    let service = serve(folder.path()).database(&database).arg("--threads=2").start();
    eventually("ready", PATIENCE, || service.get_admin("/ready").status == 200);
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (service, stop, answered) = (&service, &stop, &answered);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // A row has the version twice, from two places of its file.
                    let reply = service.get("/a");
                    assert_eq!(reply.status, 200, "{reply}");
                    let text = reply.json().as_str().unwrap().to_owned();
                    let (left, right) = text.split_once('/').unwrap_or((&text, &text));
                    assert_eq!(left, right);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for version in 0..6 {
            let before = answered.load(Ordering::Relaxed);
            // Every other time the lane's settings change too.
            let more = format!("queue = {}\n{OFTEN}", 500 + version / 2);
            folder.write("howdah.toml", manifest(&version.to_string(), &more));
            folder.write("endpoints/a.sql", endpoint("/a", &format!("'{version}/' || {version}")));
            gives(service, "/a", &json!(format!("{version}/{version}")));
            eventually("it goes on", PATIENCE, || answered.load(Ordering::Relaxed) > before + 20);
        }
        stop.store(true, Ordering::Relaxed);
    });
}
