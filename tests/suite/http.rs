//! The HTTP surface of the real binary, over sockets: what a caller may do wrong, the ends of
//! connections and of the process, and what the log says of it.

mod drain;
mod injection;
mod log;
mod metrics;
mod refusals;
mod rolling;
mod start;
mod wire;

use crate::support::{
    database::Database,
    http::{self, Reply},
    postgres,
    service::{Serve, Service, serve},
};

/// The service in `tests/suite/http/service`, which has a route of every kind.
const FOLDER: &str = "tests/suite/http/service";

/// A database with what the service needs.
fn database() -> Database {
    let database = postgres::database();
    database.psql(
        "CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL, tags text[], extra jsonb)",
    );
    database
}

/// The service, about to be served on one thread.
fn surface(database: &Database) -> Serve {
    on_threads(database, 1)
}

/// The service, about to be served on so many threads.
fn on_threads(database: &Database, threads: u16) -> Serve {
    serve(FOLDER).database(database).arg(format!("--threads={threads}"))
}

/// The service, ready.
fn started() -> Service {
    let service = surface(&database()).start();
    wait_until_ready(&service);
    service
}

fn wait_until_ready(service: &Service) {
    crate::support::eventually("ready", http::PATIENCE, || {
        service.get_admin("/ready").status == 200
    });
}

/// A request of these bytes up to the fields that every request has.
fn head(first: &str) -> Vec<u8> {
    format!("{first}\r\nHost: test\r\nConnection: close\r\n").into_bytes()
}

/// GET, as bytes.
fn get(target: &[u8]) -> Vec<u8> {
    [b"GET ", target, b" HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"].concat()
}

/// POST to `/things`, as bytes.
fn post(content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut request = head("POST /things HTTP/1.1");
    if !content_type.is_empty() {
        request.extend(format!("Content-Type: {content_type}\r\n").bytes());
    }
    request.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
    [&request, body].concat()
}

/// The one answer to these bytes.
fn reply(service: &Service, bytes: &[u8]) -> Reply {
    http::exchange_reply(service.http, bytes)
        .unwrap_or_else(|| panic!("no answer to {}", String::from_utf8_lossy(bytes)))
}
