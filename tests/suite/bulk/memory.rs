//! The memory of a load does not grow with its body, nor with how far PostgreSQL is behind.

use super::*;
use crate::support::eventually;
use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// More than any load takes, on a machine with other things to do.
const LONG: Duration = Duration::from_mins(2);

#[test]
fn eight_times_the_rows_take_no_more_memory() {
    let database = database();
    let service = started(&database);
    let load = |rows: u32| {
        let reply =
            post(&service, "/prices", NDJSON, super::formats::prices(NDJSON, rows).as_bytes());
        assert_eq!(reply.json()["inserted"], rows, "{reply}");
        service.peak_kib()
    };
    let few = load(50_000);
    let many = load(400_000);
    // The larger body is 27 MB.
    assert!(many < few + 4 * 1024, "{few} KiB and then {many} KiB");
}

/// A caller sends while PostgreSQL stands still in the middle of the COPY: what they can send has an end, which
/// is what the kernel keeps for the sockets, and none of it is kept here.
#[test]
fn a_database_that_stands_still_holds_up_the_caller() {
    let database = database();
    database.psql(
        "CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN new; END $$;
         CREATE TRIGGER waits BEFORE INSERT ON prices FOR EACH ROW EXECUTE FUNCTION waits()",
    );
    let service = serving(&database).env("DEADLINE", "2m").start();
    wait_until_ready(&service);
    let row = format!(
        r#"{{"orig":"{}","dest":"B","day":"2021-01-01","price":1}}"#,
        "x".repeat(512 * 1024 - 54)
    ) + "\n";
    // Two sockets hold up to 37 MB each, as Linux comes.
    let rows = 256;
    let before = service.peak_kib();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (holder, connection) =
        runtime.block_on(database.config().connect(tokio_postgres::NoTls)).unwrap();
    let driver = runtime.spawn(connection);
    runtime.block_on(holder.batch_execute("SELECT pg_advisory_lock(1)")).unwrap();

    let mut stream = TcpStream::connect(service.http).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    let (sent, length) = (Arc::new(AtomicUsize::new(0)), rows * row.len());
    let (mut writer, counted) = (stream.try_clone().unwrap(), Arc::clone(&sent));
    let sender = std::thread::spawn(move || {
        let head = format!(
            "POST /prices HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: {NDJSON}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        writer.write_all(head.as_bytes()).unwrap();
        for _ in 0..rows {
            for piece in row.as_bytes().chunks(16 * 1024) {
                writer.write_all(piece).unwrap();
                counted.fetch_add(piece.len(), Relaxed);
            }
        }
    });
    let (mut last, mut since) = (0, Instant::now());
    eventually("the caller is held up", LONG, || {
        let now = sent.load(Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        super::faults::waiting(&database) == "1" && since.elapsed() > Duration::from_secs(2)
    });
    let (sent, peak) = (sent.load(Relaxed), service.peak_kib());
    assert!(sent < length, "all {length} bytes were taken");
    assert!(peak < before + 16 * 1024, "{before} KiB and then {peak} KiB, {sent} bytes sent");

    runtime.block_on(holder.batch_execute("SELECT pg_advisory_unlock(1)")).unwrap();
    sender.join().unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(count(&database, "prices"), rows.to_string());
    drop(holder);
    runtime.block_on(driver).unwrap().unwrap();
}
