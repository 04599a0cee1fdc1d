//! Bodies of many rows that are loaded once.

use super::*;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

fn load(service: &Service, key: &str, media_type: &str, body: &[u8]) -> Reply {
    let fields = [("content-type", media_type), ("idempotency-key", key)];
    service.send("POST", "/load", &fields, body)
}

const CSV: &str = "text/csv";

fn rows(count: usize) -> Vec<u8> {
    let mut body = b"item\n".to_vec();
    for row in 0..count {
        body.extend(format!("row {row}\n").into_bytes());
    }
    body
}

fn all(database: &Database) -> usize {
    one(database, "SELECT count(*) FROM orders").parse().unwrap()
}

#[test]
fn a_body_is_loaded_once() {
    let database = database();
    let service = started(serving(&database));
    // Small enough for one piece, and of many.
    for (key, count) in [("small", 3), ("large", 60_000)] {
        let before = all(&database);
        let body = rows(count);
        let first = load(&service, key, CSV, &body);
        assert_eq!((first.status, first.json()["inserted"].as_u64()), (200, Some(count as u64)));
        let again = load(&service, key, CSV, &body);
        assert_eq!((again.text(), is_replayed(&again)), (first.text(), true), "{again}");
        // Another body, which differs in its last byte alone, is longer, or shorter.
        let mut other = body.clone();
        *other.iter_mut().rev().nth(1).unwrap() = b'x';
        for other in [&other[..], &body[..body.len() - 2], &[&body[..], b"more\n"].concat()] {
            assert_eq!(load(&service, key, CSV, other).problem(), "idempotency-key-reused");
        }
        let ndjson = load(&service, key, "application/x-ndjson", b"{\"item\":\"a\"}\n");
        assert_eq!(ndjson.problem(), "idempotency-key-reused");
        assert_eq!(all(&database), before + count);
    }
    assert_eq!(kept(&database), 2);
}

#[test]
fn a_load_that_failed_is_not_kept() {
    let database = database();
    let service = started(serving(&database));
    let wrong = [&rows(20_000)[..], b"\"unterminated\n"].concat();
    assert_eq!(load(&service, "k", CSV, &wrong).problem(), "invalid-rows");
    let refused = [&rows(20_000)[..], b"forbidden\n"].concat();
    assert_eq!(load(&service, "k", CSV, &refused).problem(), "unprocessable");
    assert_eq!((all(&database), kept(&database)), (0, 0));
    assert_eq!(load(&service, "k", CSV, &rows(20_000)).status, 200);
    assert_eq!(all(&database), 20_000);
}

#[test]
fn a_caller_that_vanishes_leaves_neither_rows_nor_key() {
    let database = database();
    let service = started(serving(&database));
    let body = rows(40_000);
    let head = format!(
        "POST /load HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nIdempotency-Key: k\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(service.http).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..body.len() / 2]).unwrap();
    eventually("the load has its key", PATIENCE, || {
        one(
            &database,
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' \
            AND datname = current_database()",
        ) == "1"
    });
    // Meanwhile its twin is told to wait.
    assert_eq!(load(&service, "k", CSV, &body).problem(), "request-in-progress");
    drop(stream);
    let mut reply = load(&service, "k", CSV, &body);
    for _ in 0..100 {
        if reply.status == 200 {
            break;
        }
        assert_eq!(reply.problem(), "request-in-progress");
        std::thread::sleep(Duration::from_millis(50));
        reply = load(&service, "k", CSV, &body);
    }
    assert_eq!((reply.status, is_replayed(&reply)), (200, false), "{reply}");
    assert_eq!(all(&database), 40_000);
}

#[test]
fn a_replay_does_not_wait_for_a_connection_longer_than_its_body() {
    // The first piece of a body is enough to find its key; what follows is only compared.
    let database = database();
    let service = started(serving(&database));
    let body = rows(40_000);
    assert_eq!(load(&service, "k", CSV, &body).status, 200);
    let head = format!(
        "POST /load HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nIdempotency-Key: k\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(service.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..body.len() / 2]).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' \
        AND datname = current_database()";
    eventually("no transaction stays open", PATIENCE, || one(&database, open) == "0");
    stream.write_all(&body[body.len() / 2..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("idempotent-replayed: true"));
    assert_eq!(all(&database), 40_000);
}
