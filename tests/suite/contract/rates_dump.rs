//! `services/rates` over a database that somebody else made: a restored dump.

use super::{
    rates::{january, rates},
    run_files,
};
use crate::support::{database::Database, postgres, proxy::Proxy, service};

/// The tables as a dump has them: no key, no index, nothing NOT NULL.
const SHAPE: &str = "
    CREATE TABLE regions (slug text, name text, parent_slug text);
    CREATE TABLE ports (code text, name text, parent_slug text);
    CREATE TABLE prices (orig_code text, dest_code text, day date, price integer);";

/// A dump that holds the same rows as the sample.
fn restored() -> Database {
    let database = postgres::database();
    database.psql(SHAPE);
    run_files(&database, "services/rates/seed");
    database
}

fn count(database: &Database, sql: &str) -> u32 {
    database.psql(sql)[0][0].as_ref().unwrap().parse().unwrap()
}

#[test]
fn a_dump_without_keys_and_indexes_answers_the_same() {
    let dump = restored();
    assert_eq!(
        count(&dump, "SELECT count(*) FROM pg_index WHERE indrelid = 'prices'::regclass"),
        0
    );
    // Another database name, port and user through the environment; a user who may only read, with
    // a password that a URL would break.
    let proxy = Proxy::to(dump.port);
    let password = "p@ss:w/o%rd 'ü'";
    dump.psql_as_superuser(&format!(
        "CREATE ROLE \"dump reader\" LOGIN PASSWORD {};
         GRANT SELECT ON regions, ports, prices TO \"dump reader\"",
        postgres_literal(password)
    ));
    let mut reader = dump.through(proxy.port);
    (reader.user, reader.password) = ("dump reader".to_owned(), password.to_owned());
    let service = service::serve("services/rates").database(&reader).start();
    for path in [
        "/",
        &january(),
        "/ports?name=in&limit=3",
        "/ports?after=EETLL",
        "/ports/EETLL",
        "/ports/XXXXX",
        "/regions",
        "/regions/baltic",
        "/rates?date_from=2016-02-01&date_to=2016-03-31&orig_code=CNSHA&dest_code=NLRTM",
    ] {
        let (one, other) = (rates().get(path), service.get(path));
        assert_eq!(one.status, other.status, "{path}: {other}");
        if one.status == 200 {
            assert_eq!(one.json(), other.json(), "{path}");
        }
    }
    assert!(proxy.accepted() > 0, "it went through the port that the environment names");
}

fn postgres_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[test]
fn the_migrations_add_what_a_dump_lacks_once() {
    let dump = restored();
    let prices = count(&dump, "SELECT count(*) FROM prices");
    for _ in 0..2 {
        run_files(&dump, "services/rates/migrations");
        let keys = "SELECT count(*) FROM pg_constraint WHERE conrelid::regclass::text IN
                    ('regions', 'ports', 'prices') AND convalidated AND contype IN ('p', 'f')";
        assert_eq!(count(&dump, keys), 6, "two primary keys, four foreign ones");
        let indexes = "SELECT count(*) FROM pg_index WHERE indrelid = 'prices'::regclass";
        assert_eq!(count(&dump, indexes), 1);
    }
    assert_eq!(count(&dump, "SELECT count(*) FROM prices"), prices);
    let plan = dump.psql(
        "EXPLAIN SELECT price FROM prices WHERE orig_code = 'CNGGZ' AND dest_code = 'EETLL'
         AND day BETWEEN '2021-01-01' AND '2021-01-31'",
    );
    let plan: Vec<_> = plan.into_iter().flatten().flatten().collect();
    assert!(plan.join("\n").contains("prices_route_day"), "the index serves the query: {plan:?}");
}

#[test]
fn the_migrations_lose_nothing_of_a_dump_that_no_key_allows() {
    let dump = postgres::database();
    dump.psql(SHAPE);
    dump.psql(
        "INSERT INTO regions VALUES ('a', 'A', NULL), ('a', 'A', NULL), ('b', 'B', 'a');
         INSERT INTO ports VALUES ('CNGGZ', 'One', 'a'), ('CNGGZ', 'One', 'a'), ('EETLL', 'One', 'b'),
             ('EETLL', 'Other', 'b'), (NULL, 'No code', 'a'), ('XXXXX', 'No region', 'nowhere');
         INSERT INTO prices SELECT 'CNGGZ', 'EETLL', '2021-01-01', 5 FROM generate_series(1, 3);
         INSERT INTO prices VALUES ('ZZZZZ', 'EETLL', '2021-01-01', 1)",
    );
    for _ in 0..2 {
        run_files(&dump, "services/rates/migrations");
    }
    assert_eq!(count(&dump, "SELECT count(*) FROM regions"), 2, "of two that are the same, one");
    assert_eq!(count(&dump, "SELECT count(*) FROM ports"), 6, "no key fits, nothing changes");
    assert_eq!(count(&dump, "SELECT count(*) FROM prices"), 4, "equal prices are prices");
    let primary =
        "SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND conrelid::regclass::text IN
                   ('regions', 'ports', 'prices')";
    assert_eq!(count(&dump, primary), 1);

    let service = service::serve("services/rates").database(&dump).start();
    let rate = service
        .get("/rates?date_from=2021-01-01&date_to=2021-01-01&orig_code=CNGGZ&dest_code=EETLL");
    let rate = &rate.json()["rates"][0];
    assert_eq!((rate["count"].as_u64(), rate["price"].as_f64()), (Some(3), Some(5.0)));
    let first = service.get("/ports?limit=1").json();
    assert_eq!(first["ports"][0]["code"], "CNGGZ");
    let next = service.get("/ports?limit=1&after=CNGGZ").json();
    assert_eq!(next["ports"][0]["name"], "One", "a code that is there twice is one entry");
    // The port without a code is on no page: no `after` could follow it.
    let last = service.get("/ports?limit=10&after=EETLL").json();
    let codes: Vec<_> = last["ports"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["XXXXX"]);
    assert_eq!(service.get("/ports/EETLL").json()["name"], "One");
}
