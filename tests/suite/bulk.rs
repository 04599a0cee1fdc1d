//! Bodies of many rows, against the real binary and a real PostgreSQL.

mod check;
mod conflicts;
mod encodings;
mod faults;
mod formats;
mod memory;
mod refusals;
mod round_trip;
mod sealed;

use crate::support::{
    database::Database,
    http::Reply,
    postgres,
    service::{Serve, Service, serve},
};

/// The service in `tests/suite/bulk/service`.
const FOLDER: &str = "tests/suite/bulk/service";

const NDJSON: &str = "application/x-ndjson";
const CSV: &str = "text/csv";
const JSON: &str = "application/json";

/// A database with what the service needs.
fn database() -> Database {
    let database = postgres::database();
    database.psql(
        "CREATE TABLE prices (id bigint GENERATED ALWAYS AS IDENTITY, orig text NOT NULL,
            dest text NOT NULL, day date NOT NULL, price integer NOT NULL CHECK (price < 1000000),
            added timestamptz NOT NULL DEFAULT now());
         CREATE TABLE ports (code text PRIMARY KEY, name varchar(20) UNIQUE, note text DEFAULT 'new');
         CREATE SCHEMA \"Odd Schema\";
         CREATE TYPE kind AS ENUM ('sea', 'air');
         CREATE DOMAIN code AS text CHECK (value ~ '^[A-Z]+$');
         CREATE TABLE \"Odd Schema\".\"Kinds\" (number bigint, \"the text\" text, flag boolean,
            amount numeric(20, 4), moment timestamptz, document jsonb, kind kind, code code);
         CREATE TABLE lists (id int PRIMARY KEY, tags text[], span int4range);
         CREATE TABLE notes (text text)",
    );
    database
}

/// The service over the database, before it starts.
fn serving(database: &Database) -> Serve {
    serve(FOLDER).database(database).arg("--threads=1")
}

/// The service over the database, ready.
fn started(database: &Database) -> Service {
    let service = serving(database).start();
    wait_until_ready(&service);
    service
}

fn wait_until_ready(service: &Service) {
    crate::support::eventually("ready", crate::support::http::PATIENCE, || {
        service.get_admin("/ready").status == 200
    });
}

fn post(service: &Service, path: &str, media_type: &str, body: &[u8]) -> Reply {
    service.send("POST", path, &[("content-type", media_type)], body)
}

/// The first column of the first row.
fn one(database: &Database, sql: &str) -> String {
    database.psql(sql)[0][0].clone().unwrap()
}

fn count(database: &Database, table: &str) -> String {
    one(database, &format!("SELECT count(*) FROM {table}"))
}

/// What is wrong, as `line field: detail`.
fn errors(reply: &Reply) -> Vec<String> {
    let problem = reply.json();
    let told = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors in {reply}"));
    told.iter()
        .map(|it| {
            let line = it["line"].as_u64().map_or_else(|| "?".to_owned(), |line| line.to_string());
            let field = it["field"].as_str().unwrap_or("-");
            format!("{line} {field}: {}", it["detail"].as_str().unwrap())
        })
        .collect()
}
