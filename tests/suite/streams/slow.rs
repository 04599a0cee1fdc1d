//! Callers that read slowly, leave, or are cut off; and what a stream costs meanwhile.

use super::*;
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

fn ask(service: &Service, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(service.http).unwrap();
    stream.set_read_timeout(Some(http::PATIENCE)).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\naccept: application/x-ndjson\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

#[test]
fn a_million_rows_take_no_more_memory_with_a_slow_reader() {
    let database = database(1);
    let service = start(&database);
    for medium in ["json", "ndjson", "csv", "arrow"] {
        drop(service.get(&format!("/series/2000.{medium}")));
    }
    let before = service.peak_kib();
    let mut stream = ask(&service, "/series/1000000");
    let mut buffer = vec![0; 1 << 20];
    let start = Instant::now();
    let (mut bytes, mut last) = (0, Vec::new());
    loop {
        // Slow at first, so that everything between fills up.
        if start.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(100));
        }
        let count = stream.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        bytes += count;
        last = buffer[count.saturating_sub(64)..count].to_vec();
    }
    assert!(bytes > 80_000_000, "{bytes}");
    assert!(last.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&last));
    // The kernel sums the mark up from counters of each processor, and may give a little less.
    let grown = service.peak_kib().saturating_sub(before);
    assert!(grown < 4 * 1024, "{grown} KiB more than {before} KiB");
}

#[test]
fn a_caller_that_leaves_stops_its_statement() {
    let database = database(1);
    let service = start(&database);
    let mut stream = ask(&service, "/series/9000000");
    let mut some = vec![0; 100_000];
    stream.read_exact(&mut some).unwrap();
    eventually("it runs", http::PATIENCE, || running(&database, "generate_series") == 1);
    drop(stream);
    eventually("it is stopped", Duration::from_secs(5), || {
        running(&database, "generate_series") == 0
    });
    // The connection's place is free: there are four, and more than four have asked.
    for _ in 0..6 {
        drop(ask(&service, "/series/9000000"));
    }
    eventually("all are stopped", Duration::from_secs(10), || {
        running(&database, "generate_series") == 0
    });
    assert_eq!(service.get("/series/10").status, 200);
    let log = service.output();
    assert!(log.contains("\"end\":\"left\""), "{log}");
}

#[test]
fn an_error_after_the_first_byte_breaks_the_connection() {
    let service = start(&database(1));
    // The rows before the error were sent, and neither the last chunk nor anything like it.
    for (path, least) in [("/late/50000", 10_000), ("/few", 300_000)] {
        let mut answer = Vec::new();
        let outcome = ask(&service, path).read_to_end(&mut answer);
        assert!(outcome.is_ok_and(|_| true) || answer.len() > least);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        assert!(answer.len() > least, "{path}: {}", answer.len());
        assert!(!text.ends_with("0\r\n\r\n"), "{path} looks whole");
        // A client that knows HTTP says so.
        let error = crate::support::http::send(service.http, "GET", path, &[], b"").unwrap_err();
        assert!(error.to_string().len() > 3, "{error}");
        // A coding does not end well, either.
        for coding in ["gzip", "br", "zstd"] {
            let fields = [("accept-encoding", coding)];
            let reply = crate::support::http::send(service.http, "GET", path, &fields, b"");
            assert!(reply.is_err(), "{path} in {coding} looks whole");
        }
    }
    eventually("it is told", http::PATIENCE, || {
        let log = service.output();
        log.contains("\"end\":\"aborted\"")
            && log.contains("22012")
            && log.contains("too-many-rows")
    });
    // HTTP/1.0 has no chunks, so its answers are whole, and an error is a problem.
    let reply = http::exchange_reply(service.http, b"GET /late/50000 HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(reply.problem(), "argument-refused");
}

#[test]
fn a_database_that_falls_silent_in_a_stream_breaks_it() {
    let database = database(1);
    let proxy = crate::support::proxy::Proxy::to(database.port);
    let service = serve(FOLDER)
        .database(&database.through(proxy.port))
        .arg("--threads=1")
        .arg("--set=lanes.read.statement_timeout=1s")
        .start();
    eventually("ready", http::PATIENCE, || service.get_admin("/ready").status == 200);
    let mut stream = ask(&service, "/series/9000000");
    let mut some = vec![0; 100_000];
    stream.read_exact(&mut some).unwrap();
    proxy.black_hole();
    let start = Instant::now();
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => assert!(!rest.ends_with(b"0\r\n\r\n")),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert!(start.elapsed() < Duration::from_secs(10));
    proxy.cut();
}
