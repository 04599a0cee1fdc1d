//! Streams over TLS, by both protocols: what holds without TLS holds there.

use super::*;
use crate::tls::{Sealed, run, url};
use reqwest::{Client, Response, Version};
use std::time::{Duration, Instant};

/// More than any stream takes, on a machine with other things to do.
const LONG: Duration = Duration::from_mins(2);

/// The service behind TLS, and a client of each protocol.
fn start(sealed: &Sealed, database: &Database) -> (Service, [(Client, Version); 2]) {
    let service = sealed.over(serve(FOLDER).database(database).arg("--threads=1")).start();
    eventually("ready", http::PATIENCE, || service.get_admin("/ready").status == 200);
    let clients = [
        (sealed.client().timeout(LONG).http1_only().build().unwrap(), Version::HTTP_11),
        (sealed.client().timeout(LONG).build().unwrap(), Version::HTTP_2),
    ];
    (service, clients)
}

async fn ask(client: &Client, service: &Service, path: &str) -> Response {
    let response = client.get(url(service, path)).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response
}

#[test]
fn half_a_million_rows_take_no_more_memory_with_a_slow_reader() {
    let (sealed, database) = (Sealed::new(), database(1));
    let (service, clients) = start(&sealed, &database);
    run(async {
        let [(old, _), (new, _)] = &clients;
        let asked = [(old, "csv"), (new, "ndjson"), (new, "arrow")];
        for (client, medium) in asked {
            let path = |rows: u32| format!("/series/{rows}.{medium}");
            drop(ask(client, &service, &path(2000)).await.bytes().await.unwrap());
        }
        let before = service.peak_kib();
        for (client, medium) in asked {
            let mut response = ask(client, &service, &format!("/series/500000.{medium}")).await;
            let (mut bytes, start) = (0, Instant::now());
            while let Some(piece) = response.chunk().await.unwrap() {
                bytes += piece.len();
                // Slow at first, so that everything between fills up.
                if start.elapsed() < Duration::from_secs(1) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            assert!(bytes > 25_000_000, "{medium}: {bytes}");
            let grown = service.peak_kib().saturating_sub(before);
            assert!(grown < 6 * 1024, "{medium}: {grown} KiB more than {before}");
        }
    });
}

#[test]
fn a_caller_that_leaves_stops_its_statement() {
    let (sealed, database) = (Sealed::new(), database(1));
    let (service, clients) = start(&sealed, &database);
    run(async {
        for (client, version) in &clients {
            let mut response = ask(client, &service, "/series/9000000.ndjson").await;
            assert!(response.chunk().await.unwrap().is_some());
            assert_eq!(running(&database, "generate_series"), 1);
            // By HTTP/2 this resets the stream, and the connection stays.
            drop(response);
            let start = Instant::now();
            while running(&database, "generate_series") > 0 {
                assert!(start.elapsed() < http::PATIENCE, "{version:?}: it still runs");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert!(ask(client, &service, "/series/10").await.text().await.is_ok());
        }
    });
    eventually("it is told", http::PATIENCE, || {
        service.output().matches("\"end\":\"left\"").count() == 2
    });
}

#[test]
fn an_error_after_the_first_byte_breaks_the_answer() {
    let (sealed, database) = (Sealed::new(), database(1));
    let (service, clients) = start(&sealed, &database);
    run(async {
        for (client, version) in &clients {
            for path in
                ["/late/50000.ndjson", "/late/50000.csv", "/late/50000.arrow", "/few.ndjson"]
            {
                let mut response = ask(client, &service, path).await;
                let mut bytes = 0;
                let error = loop {
                    match response.chunk().await {
                        Ok(Some(piece)) => bytes += piece.len(),
                        Ok(None) => panic!("{version:?} {path} looks whole after {bytes} bytes"),
                        Err(error) => break format!("{error:?}"),
                    }
                };
                assert!(bytes > 60_000, "{version:?} {path}: {bytes}");
                if *version == Version::HTTP_2 {
                    // RST_STREAM (RFC 9113 §6.4) by the service, of this stream alone.
                    assert!(error.contains("Reset(") && error.contains("Remote"), "{error}");
                }
                assert_eq!(ask(client, &service, "/one/1").await.version(), *version);
            }
        }
    });
    // A line of the log comes after what it tells of.
    let aborted = || service.output().matches("\"end\":\"aborted\"").count();
    let end = Instant::now() + Duration::from_secs(10);
    while aborted() < 8 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(aborted(), 8, "{}", service.output());
}

#[test]
fn a_stream_does_not_hold_up_the_others_of_its_connection() {
    let (sealed, database) = (Sealed::new(), database(10));
    let (service, [_, (client, _)]) = start(&sealed, &database);
    run(async {
        // Nobody reads it: its window fills up, and the connection's does not.
        let mut stuck = ask(&client, &service, "/series/9000000.ndjson").await;
        assert!(stuck.chunk().await.unwrap().is_some());
        for _ in 0..20 {
            assert!(ask(&client, &service, "/one/1").await.text().await.is_ok());
        }
        assert!(stuck.chunk().await.unwrap().is_some());
    });
}
