//! Answers that are given again: against the real binary and a real PostgreSQL. The service stands in
//! `tests/suite/cache/service`.

mod age;
mod callers;
mod channels;
mod check;
mod hosts;
mod pages;
mod reload;

use crate::support::{
    database::Database,
    eventually,
    http::{PATIENCE, Reply},
    postgres,
    service::{Serve, Service, howdah, serve},
};

const FOLDER: &str = "tests/suite/cache/service";

/// A database with two prices.
fn database() -> Database {
    let database = postgres::database();
    database.psql(
        "CREATE TABLE prices (code text PRIMARY KEY, price bigint NOT NULL); \
         INSERT INTO prices VALUES ('a', 1), ('b', 1)",
    );
    database
}

fn serving(database: &Database) -> Serve {
    with_threads(database, 1)
}

fn with_threads(database: &Database, threads: usize) -> Serve {
    serve(FOLDER).database(database).arg(format!("--threads={threads}"))
}

/// Waits until answers with a channel are kept: the service listens.
fn until_kept(service: &Service) {
    eventually("answers are kept", PATIENCE, || is_kept(&service.get("/heard?code=a")));
}

/// Waits until the price is this one.
fn until_price(service: &Service, expected: i64) {
    eventually("the new price", PATIENCE, || price(&service.get("/heard?code=a")) == expected);
}

fn started(serve: Serve) -> Service {
    let service = serve.start();
    eventually("ready", PATIENCE, || service.get_admin("/ready").status == 200);
    service
}

fn price(reply: &Reply) -> i64 {
    assert_eq!(reply.status, 200, "{reply}");
    let json = reply.json();
    let price = if json.is_array() { &json[0]["price"] } else { &json["price"] };
    price.as_i64().unwrap()
}

/// Whether the answer was there already.
fn is_kept(reply: &Reply) -> bool {
    reply.header("age").is_some()
}

/// A counter of `/metrics`.
fn counted(service: &Service, name: &str) -> u64 {
    let text = service.get_admin("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}
