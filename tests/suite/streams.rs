//! Results in every medium, and as streams: the same rows, in bounded memory, whole or visibly not.

mod media;
mod representation;
mod sealed;
mod slow;

use crate::support::{
    database::Database,
    eventually,
    http::{self, Reply},
    postgres,
    service::{Service, serve},
};

/// The service in `tests/suite/streams/service`.
const FOLDER: &str = "tests/suite/streams/service";

/// A database with `rows` prices.
fn database(rows: u32) -> Database {
    let database = postgres::database();
    database.psql(
        "CREATE TABLE prices (id int4 PRIMARY KEY, day date NOT NULL, orig_code text NOT NULL, \
         dest_code text NOT NULL, price int4 NOT NULL, amount numeric(12, 2), note text, \
         at timestamptz NOT NULL)",
    );
    database.psql(&format!(
        "INSERT INTO prices SELECT i, date '2016-01-01' + i % 31, 'CN' || i % 1000, 'EE' || i % 7, \
         i % 3000, CASE WHEN i % 10 > 0 THEN i / 100.0 END, \
         CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'a, \"b\"' ELSE E'line\\nbreak' END, \
         timestamptz '2020-01-01 00:00:00Z' + i * interval '1 second' \
         FROM generate_series(1, {rows}) AS i"
    ));
    database
}

/// The service on one thread, ready.
fn start(database: &Database) -> Service {
    let service = serve(FOLDER).database(database).arg("--threads=1").start();
    eventually("ready", http::PATIENCE, || service.get_admin("/ready").status == 200);
    service
}

fn accept(service: &Service, path: &str, accept: &str) -> Reply {
    service.send("GET", path, &[("accept", accept)], b"")
}

/// Statements with this word in them that run now.
fn running(database: &Database, word: &str) -> usize {
    let rows = database.psql(&format!(
        "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' \
         AND datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%{word}%'"
    ));
    rows[0][0].as_ref().unwrap().parse().unwrap()
}
