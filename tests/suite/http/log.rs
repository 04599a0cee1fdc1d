//! The log: a line for a request, with its route and not its path, and never a value.

use super::{database, get, post, reply, surface, wait_until_ready};
use crate::support::{
    eventually,
    folder::Folder,
    http::PATIENCE,
    reaper,
    service::{howdah, project},
};
use serde_json::Value;
use std::process::Stdio;

#[test]
fn request_ids_are_taken_over_when_they_are_harmless() {
    let service = super::started();
    let answer = |id: &str| service.send("GET", "/hello", &[("x-request-id", id)], b"");
    for id in ["abc-1.2_3", "0af7651916cd43dd8448eb211c80319c"] {
        assert_eq!(answer(id).header("x-request-id"), Some(id));
    }
    for id in ["two words", "<script>", "{hostname}", "'; --", &"x".repeat(65)] {
        let given = answer(id);
        let ours = given.header("x-request-id").unwrap();
        assert!(ours.len() == 16 && ours.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ours}");
    }
    let problem = service.send("GET", "/nope", &[("x-request-id", "mine")], b"");
    assert_eq!(problem.json()["request_id"], "mine");
    let (_, output) = service.stop();
    assert!(output.contains(r#""request_id":"mine""#), "{output}");
}

#[test]
fn a_request_is_a_line_of_json_and_no_value_is_in_it() {
    let database = database();
    let folder = Folder::new("secret");
    let file = folder.write("password", &database.password);
    let service = surface(&database).env("DB_PASSWORD_FILE", &file).env("DB_PASSWORD", "");
    let service =
        service.env("HOWDAH_LOG_LEVEL", "trace").env("PLANTED", "planted-environment").start();
    wait_until_ready(&service);
    let planted = "planted-argument";
    let body = format!(r#"{{"id":2047118235,"name":"{planted}"}}"#);
    assert_eq!(reply(&service, &post("application/json", body.as_bytes())).status, 200);
    assert_eq!(reply(&service, &post("application/json", body.as_bytes())).status, 409);
    for target in [
        "/things/2047118235".to_owned(),
        "/things/1958227461".to_owned(),
        format!("/things/{planted}"),
        format!("/echo?text={planted}"),
        format!("/echo?{planted}=1"),
        format!("/segments/{planted}"),
        format!("/hello?name={planted}"),
        format!("/{planted}"),
        format!("/calculate?expr={planted}"),
    ] {
        reply(&service, &get(target.as_bytes()));
    }
    reply(&service, format!("GET /trace HTTP/1.1\r\nHost: {planted}\r\nX-Trace: {planted}\r\nConnection: close\r\n\r\n").as_bytes());
    reply(&service, format!("GET /{planted}\0 HTTP/1.1\r\n\r\n").as_bytes());
    reply(
        &service,
        format!("{planted} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes(),
    );
    let (status, output) = service.stop();
    assert!(status.success());
    for secret in [planted, "planted-environment", &database.password, "2047118235", "1958227461"] {
        assert!(!output.contains(secret), "{secret} in\n{output}");
    }
    let lines: Vec<Value> = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    let answered: Vec<&Value> = lines.iter().filter(|line| line["message"] == "answered").collect();
    assert_eq!(answered.len(), 14, "{output}");
    for line in &answered {
        for field in
            ["timestamp", "level", "request_id", "method", "route", "status", "duration_us"]
        {
            assert!(!line[field].is_null(), "no {field} in {line}");
        }
    }
    let routes: Vec<_> = answered.iter().map(|line| line["route"].as_str().unwrap()).collect();
    assert_eq!(
        routes,
        [
            "/things",
            "/things",
            "/things/{id}",
            "/things/{id}",
            "/things/{id}",
            "/echo",
            "/echo",
            "/segments/{segment}",
            "/hello",
            "",
            "/calculate",
            "/trace",
            "",
            ""
        ]
    );
    assert_eq!(answered[1]["code"], "conflict");
}

#[test]
fn callers_addresses_are_written_when_they_are_to_be_kept_and_not_else() {
    let database = database();
    for (setting, kept) in [("off", Value::Null), ("on", "192.0.2.7".into())] {
        let service = surface(&database).env("HOWDAH_LOG_ADDRESSES", setting);
        let service = service.env("HOWDAH_PROXIES_NETWORKS", "127.0.0.1/32").start();
        let fields = [("x-forwarded-for", "198.51.100.1, 192.0.2.7"), ("x-request-id", "mine")];
        assert_eq!(service.send("GET", "/hello", &fields, b"").status, 200);
        service.raw(b"no request\r\n\r\n");
        let (_, output) = service.stop();
        let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let answered: Vec<_> = lines.filter(|line| line["message"] == "answered").collect();
        assert_eq!(answered.len(), 2, "{output}");
        assert_eq!((&answered[0]["request_id"], &answered[0]["address"]), (&"mine".into(), &kept));
        let peer = if setting == "on" { "127.0.0.1".into() } else { Value::Null };
        assert_eq!(answered[1]["address"], peer, "{output}");
    }
}

#[test]
fn a_log_that_nobody_reads_any_more_stops_nothing() {
    let (database, folder) = (database(), Folder::new("deaf"));
    let ready = folder.path().join("ready");
    let mut command = howdah(["serve", "--threads=1", "--ready-file"]);
    command.arg(&ready).arg(project(super::FOLDER)).envs(database.environment());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    reaper::watch(child.id());
    drop(child.stderr.take());
    eventually("it listens", PATIENCE, || ready.exists());
    let said: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
    let at = said["http"].as_str().unwrap().parse().unwrap();
    for _ in 0..20 {
        assert_eq!(crate::support::http::send(at, "GET", "/hello", &[], b"").unwrap().status, 200);
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    reaper::forget(child.id());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
