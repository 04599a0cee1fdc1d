//! Writes that are carried out once, however often they are sent: against the real binary and a real
//! PostgreSQL. The service stands in `tests/suite/once/service`.

mod bulk;
mod callers;
mod check;
mod deadlines;
mod faults;
mod requests;

use crate::support::{
    database::Database,
    eventually,
    http::{PATIENCE, Reply},
    postgres,
    service::{Serve, Service, howdah, serve},
};
use std::path::Path;

const FOLDER: &str = "tests/suite/once/service";

/// What the service needs besides Howdah's own table.
const ORDERS: &str = "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, \
     item text NOT NULL CHECK (item <> 'forbidden'), maker name NOT NULL DEFAULT current_user); \
     CREATE UNIQUE INDEX ON orders (item) WHERE item LIKE 'only %'; \
     CREATE TABLE pauses (seconds float8 NOT NULL); INSERT INTO pauses VALUES (600)";

fn migrate(folder: &Path, database: &Database) {
    let mut command = howdah(["migrate"]);
    let output = command.arg(folder).envs(database.environment()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A database with what the service needs.
fn database() -> Database {
    let database = postgres::database();
    prepare(&database);
    database
}

fn prepare(database: &Database) {
    database.psql(ORDERS);
    migrate(Path::new(FOLDER), database);
}

fn serving(database: &Database) -> Serve {
    serve(FOLDER).database(database).arg("--threads=1")
}

fn started(serve: Serve) -> Service {
    let service = serve.start();
    eventually("ready", PATIENCE, || service.get_admin("/ready").status == 200);
    service
}

fn send(service: &Service, method: &str, path: &str, key: &str, body: &str) -> Reply {
    let fields = [("content-type", "application/json"), ("idempotency-key", key)];
    service.send(method, path, &fields, body.as_bytes())
}

fn order(service: &Service, key: &str, item: &str) -> Reply {
    send(service, "POST", "/orders", key, &format!(r#"{{"item":"{item}"}}"#))
}

fn is_replayed(reply: &Reply) -> bool {
    reply.header("idempotent-replayed") == Some("true")
}

/// The first column of the first row.
fn one(database: &Database, sql: &str) -> String {
    database.psql(sql)[0][0].clone().unwrap()
}

/// How many orders there are of the item.
fn orders(database: &Database, item: &str) -> usize {
    one(database, &format!("SELECT count(*) FROM orders WHERE item = '{item}'")).parse().unwrap()
}

/// How many answers are kept.
fn kept(database: &Database) -> usize {
    one(database, "SELECT count(*) FROM howdah.idempotency").parse().unwrap()
}
