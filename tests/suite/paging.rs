//! Rows page by page: nothing lost, nothing twice, and cursors that are good for one thing.

mod check;
mod cursors;
mod order;

use crate::support::{
    database::Database,
    eventually,
    http::{self, Reply},
    postgres,
    service::{Serve, Service, serve},
};

/// The service in `tests/suite/paging/service`.
const FOLDER: &str = "tests/suite/paging/service";

/// Rows of the table of items, of which many are alike but for their number.
const ITEMS: usize = 60;

fn database() -> Database {
    let database = postgres::database();
    database.psql(&format!(
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
         CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL, folded text COLLATE \"C\" NOT NULL,
            amount numeric NOT NULL, at timestamptz NOT NULL, grade integer, level smallint NOT NULL,
            ratio float8 NOT NULL, mood mood NOT NULL, flag boolean NOT NULL);
         INSERT INTO items SELECT i,
            (ARRAY['a', 'B', 'b', 'A', 'é', 'z', '', ' b', 'a-b', 'ab'])[1 + i % 10],
            (ARRAY['a', 'B', 'b', 'A', 'é', 'z', '', ' b', 'a-b', 'ab'])[1 + i % 10],
            (ARRAY[1.5, 1.50, -0.001, 1e30, 0, 'NaN', 12345678901234567890.123456789])[1 + i % 7]::numeric,
            timestamptz '2020-01-01 00:00:00Z' + (i % 9) * interval '1 microsecond',
            CASE WHEN i % 3 > 0 THEN i % 5 END, i % 4,
            (ARRAY['NaN', 'Infinity', '-Infinity', '-0', '0', '0.1'])[1 + i % 6]::float8,
            (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, i % 2 = 0
            FROM generate_series(1, {ITEMS}) AS i;
         CREATE TABLE days (day date, code text, note text, PRIMARY KEY (day, code));
         INSERT INTO days SELECT day, 'C' || i, NULL FROM generate_series(10, 20) AS i,
            unnest('{{2021-01-01,2021-01-02}}'::date[]) AS day"
    ));
    database
}

/// The service on two threads, which share a key, before it starts.
fn serving(database: &Database) -> Serve {
    serve(FOLDER).database(database).arg("--threads=2")
}

fn ready(service: Serve) -> Service {
    let service = service.start();
    eventually("ready", http::PATIENCE, || service.get_admin("/ready").status == 200);
    service
}

fn start(database: &Database) -> Service {
    ready(serving(database))
}

/// The path and query that the answer to `path` links to.
fn link(path: &str, reply: &Reply, relation: &str) -> Option<String> {
    let field = reply.header("link").unwrap_or_else(|| panic!("no Link in {reply}"));
    let target = field.split(", ").find_map(|link| {
        let (target, parameters) = link.split_once(">; ")?;
        (parameters == format!("rel=\"{relation}\""))
            .then(|| target.trim_start_matches('<').to_owned())
    })?;
    // A reference of a query alone goes with the path that was asked for.
    assert!(target.starts_with('?'), "{target}");
    Some(path.split('?').next().unwrap().to_owned() + &target)
}

/// Every page from `path` on, each with what `between` does behind it.
fn walk(service: &Service, path: &str, mut between: impl FnMut(usize)) -> Vec<Reply> {
    let mut pages = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let reply = service.get(&path);
        assert_eq!(reply.status, 200, "{path}: {reply}");
        next = link(&path, &reply, "next");
        pages.push(reply);
        assert!(pages.len() < 200, "it does not end");
        between(pages.len());
    }
    pages
}

/// The numbers of the items of all pages.
fn ids(pages: &[Reply]) -> Vec<i64> {
    let rows = pages.iter().flat_map(|page| page.json().as_array().unwrap().clone());
    rows.map(|row| row["id"].as_i64().unwrap()).collect()
}

/// The numbers of the items as PostgreSQL orders them.
fn ordered(database: &Database, by: &str) -> Vec<i64> {
    let rows = database.psql(&format!("SELECT id FROM items ORDER BY {by}"));
    rows.iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect()
}
