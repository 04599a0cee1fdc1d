//! `services/about`: what am I, and how am I locked down.

use crate::support::{
    ports,
    service::{self, project},
};
use serde_json::json;
use std::{os::unix::fs::MetadataExt, time::Duration};

#[test]
fn it_says_what_it_is() {
    let service = service::serve("services/about").env("ENVIRONMENT", "staging").start();
    let reply = service.get("/");
    assert_eq!(reply.status, 200, "{reply}");
    let answer = reply.json();
    assert_eq!(answer["message"], "Hello from secure Docker app!");
    assert_eq!(answer["environment"], "staging");
    let keys: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 4, "{keys:?}");
}

#[test]
fn the_environment_is_development_unless_it_is_said() {
    let service = service::serve("services/about").start();
    assert_eq!(service.get("/").json()["environment"], "development");
}

#[test]
fn the_time_is_now_in_iso_8601() {
    let service = service::serve("services/about").start();
    let time = service.get("/").json()["server_time"].as_str().unwrap().to_owned();
    let database = crate::support::postgres::database();
    let ago = database
        .psql(&format!("SELECT abs(extract(epoch FROM now() - '{time}'::timestamptz)) < 5"));
    assert_eq!(ago[0][0].as_deref(), Some("t"), "{time}");
    assert!(time.len() >= 20 && time.as_bytes()[10] == b'T', "{time}");
}

#[test]
fn the_note_is_true() {
    let service = service::serve("services/about").start();
    let note = service.get("/").json()["security_note"].as_str().unwrap().to_owned();
    assert!(!note.is_empty());
    let root = std::fs::metadata(format!("/proc/{}", service.pid())).unwrap().uid() == 0;
    let container =
        ["/.dockerenv", "/run/.containerenv"].iter().any(|it| std::path::Path::new(it).exists());
    let claim = "This app runs with non-root user in container";
    if root || !container {
        assert_ne!(note, claim);
    } else {
        assert_eq!(note, claim);
    }
}

#[test]
fn it_is_healthy() {
    let reply = service::serve("services/about").start().get("/health");
    assert_eq!((reply.status, reply.json()), (200, json!({ "status": "healthy" })));
}

#[test]
fn its_info_names_user_host_and_versions() {
    let service =
        service::serve("services/about").env("USER", "ada").env("HOSTNAME", "c0ffee").start();
    let answer = service.get("/info").json();
    assert_eq!(answer["user"], "ada", "{answer}");
    assert_eq!(answer["container_id"], "c0ffee", "{answer}");
    assert!(answer["version"].is_string(), "{answer}");
    assert!(
        answer.to_string().contains(env!("CARGO_PKG_VERSION")),
        "the runtime's version: {answer}"
    );
}

#[test]
fn the_port_is_the_environments_else_5000() {
    let port = ports::free();
    let service =
        service::serve("services/about").own_listener().env("PORT", port.to_string()).start();
    assert_eq!(service.http.port(), port);
    let client = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let reply = crate::support::http::send(client, "GET", "/health", &[], b"").unwrap();
    assert_eq!(reply.status, 200);
    let manifest = std::fs::read_to_string(project("services/about/howdah.toml")).unwrap();
    assert!(manifest.contains("${PORT:-5000}"), "port 5000 may be taken; the manifest says it");
}

#[test]
fn it_ends_when_it_is_asked_to() {
    let service = service::serve("services/about").start();
    let start = std::time::Instant::now();
    let (status, output) = service.stop();
    assert!(status.success(), "{status}: {output}");
    assert!(start.elapsed() < Duration::from_secs(2), "nothing was in flight");
}
