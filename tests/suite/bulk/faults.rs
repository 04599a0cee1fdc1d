//! Callers and databases that break off: nothing is left of what they began.

use super::*;
use crate::support::{eventually, http::PATIENCE, proxy::Proxy};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// A request whose body is said to be long, and some of which is sent.
fn half_sent(service: &Service, rows: u32) -> TcpStream {
    let mut stream = TcpStream::connect(service.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /prices HTTP/1.1\r\nHost: test\r\nContent-Type: {NDJSON}\r\nContent-Length: 100000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(super::formats::prices(NDJSON, rows).as_bytes()).unwrap();
    stream
}

/// Loads that the database knows of.
pub(super) fn loading(database: &Database) -> String {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND query LIKE 'COPY%' AND state <> 'idle' AND pid <> pg_backend_pid()";
    database.psql_as_superuser(sql)[0][0].clone().unwrap()
}

/// Loads that wait for a lock.
pub(super) fn waiting(database: &Database) -> String {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND query LIKE 'COPY%' AND wait_event_type = 'Lock'";
    database.psql_as_superuser(sql)[0][0].clone().unwrap()
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_caller_that_stalls_leaves_nothing() {
    let database = database();
    let service = started(&database);
    let stalled = half_sent(&service, 5000);
    eventually("it loads", PATIENCE, || loading(&database) == "1");
    let answer = answer(stalled);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    eventually("it is over", PATIENCE, || loading(&database) == "0");
    assert_eq!(count(&database, "prices"), "0");
    assert_eq!(
        post(&service, "/prices", CSV, super::formats::prices(CSV, 5).as_bytes()).status,
        200
    );
}

#[test]
fn a_caller_that_trickles_does_not_get_on() {
    let database = database();
    let service = started(&database);
    let mut stream = half_sent(&service, 5000);
    let start = Instant::now();
    let row = super::formats::prices(NDJSON, 1);
    // A row each 100 ms is less than what must come in a second.
    while stream.write_all(row.as_bytes()).is_ok() && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(start.elapsed() < Duration::from_secs(10), "it is ended");
    eventually("it is over", PATIENCE, || loading(&database) == "0");
    assert_eq!(count(&database, "prices"), "0");
}

#[test]
fn a_caller_that_gets_on_may_take_longer_than_the_limit() {
    let database = database();
    let service = started(&database);
    let body = super::formats::prices(NDJSON, 3000);
    let mut stream = TcpStream::connect(service.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /prices HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: {NDJSON}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // 3 s in all, where each second must bring 16 KiB.
    for piece in body.as_bytes().chunks(body.len() / 6 + 1) {
        stream.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(500));
    }
    let answer = answer(stream);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(count(&database, "prices"), "3000");
}

#[test]
fn a_caller_that_vanishes_leaves_nothing() {
    let database = database();
    let service = started(&database);
    for _ in 0..5 {
        let stream = half_sent(&service, 5000);
        eventually("it loads", PATIENCE, || loading(&database) == "1");
        drop(stream);
        eventually("it is over", PATIENCE, || loading(&database) == "0");
    }
    assert_eq!(count(&database, "prices"), "0");
    assert_eq!(
        post(&service, "/prices", CSV, super::formats::prices(CSV, 5).as_bytes()).status,
        200
    );
}

#[test]
fn a_database_that_breaks_off_is_told_and_nothing_went_in() {
    let database = database();
    let proxy = Proxy::to(database.port);
    let service = started(&database.through(proxy.port));
    let stream = half_sent(&service, 5000);
    eventually("it loads", PATIENCE, || loading(&database) == "1");
    proxy.cut();
    let mut sender = stream.try_clone().unwrap();
    let rows = super::formats::prices(NDJSON, 20_000);
    drop(sender.write_all(rows.as_bytes()));
    let answer = answer(stream);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("database-unavailable"), "{answer}");
    proxy.restore();
    eventually("it is over", PATIENCE, || loading(&database) == "0");
    assert_eq!(count(&database, "prices"), "0");
    eventually("it loads again", PATIENCE, || {
        post(&service, "/prices", CSV, super::formats::prices(CSV, 5).as_bytes()).status == 200
    });
}

#[test]
fn a_table_that_is_locked_ends_by_the_deadline() {
    let database = database();
    let service = serve(FOLDER).database(&database).env("DEADLINE", "1s").start();
    wait_until_ready(&service);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = database.config().connect(tokio_postgres::NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        client.batch_execute("BEGIN; LOCK prices").await.unwrap();
        let at = service.http;
        let body = super::formats::prices(CSV, 5);
        let reply = tokio::task::spawn_blocking(move || {
            crate::support::http::send(
                at,
                "POST",
                "/prices",
                &[("content-type", CSV)],
                body.as_bytes(),
            )
        });
        let reply = reply.await.unwrap().unwrap();
        assert_eq!((reply.status, reply.problem().as_str()), (504, "deadline-exceeded"), "{reply}");
        drop(client);
        let _ = driver.await;
    });
    eventually("it loads again", PATIENCE, || {
        post(&service, "/prices", CSV, super::formats::prices(CSV, 5).as_bytes()).status == 200
    });
    assert_eq!(count(&database, "prices"), "5");
}
