//! Advice on indexes: what `check --database` says is true, and helps when it is followed.

use crate::support::{
    database::Database,
    eventually,
    folder::Folder,
    http::PATIENCE,
    postgres,
    service::{howdah, project, serve},
};
use serde_json::Value;
use std::{fs, path::Path};

/// What `check --database` finds: file name, code, message, help.
fn advice(folder: &Path, database: &Database) -> Vec<[String; 4]> {
    let mut command = howdah(["check", "--database", "--format", "json"]);
    let output = command.arg(folder).envs(database.environment()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(output.status.code(), Some(0), "advice is no error: {report:#}");
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let found = report["diagnostics"].as_array().unwrap().iter().map(|it| {
        assert_eq!(it["severity"], "warning", "{it:#}");
        assert!(it["line"].as_u64() > Some(1) || it["start"].is_object(), "{it:#}");
        let file = text(&it["file"]);
        let name = file.rsplit('/').next().unwrap().to_owned();
        [name, text(&it["code"]), text(&it["message"]), text(&it["help"])]
    });
    found.collect()
}

/// The database of `services/rates` as a dump leaves it: tables and rows, no key and no index.
fn dump() -> Database {
    let database = postgres::database();
    let files =
        ["migrations/0001_tables.sql", "seed/0001_regions_and_ports.sql", "seed/0002_prices.sql"];
    for file in files {
        let path = project("services/rates").join(file);
        database.psql(&fs::read_to_string(path).unwrap());
    }
    database
}

#[test]
fn the_index_that_rates_lacks_is_found_and_is_used_once_it_is_there() {
    let database = dump();
    let rates = project("services/rates");
    let found = advice(&rates, &database);
    let of_rates: Vec<_> = found.iter().filter(|it| it[0] == "rates.sql").collect();
    let [[_, code, message, help]] = &of_rates[..] else { panic!("{found:#?}") };
    assert_eq!(code, "missing-index");
    assert!(message.contains("`prices`"), "{message}");
    assert_eq!(help, "CREATE INDEX ON prices (orig_code, dest_code, day)");
    // The small tables are left alone.
    assert!(!found.iter().any(|it| it[2].contains("`ports`") || it[2].contains("`regions`")));

    database.psql(help);
    let plan = database.psql(
        "SET plan_cache_mode = force_generic_plan;
         PREPARE rates (date, date, text, text) AS SELECT day, avg(price) FROM prices
           WHERE orig_code = $3 AND dest_code = $4 AND day BETWEEN $1 AND $2 GROUP BY day;
         EXPLAIN EXECUTE rates (NULL, NULL, NULL, NULL)",
    );
    let plan: Vec<_> = plan.iter().flatten().flatten().cloned().collect();
    assert!(plan.iter().any(|it| it.contains("prices_orig_code_dest_code_day_idx")), "{plan:#?}");
    let found = advice(&rates, &database);
    assert!(!found.iter().any(|it| it[0] == "rates.sql"), "{found:#?}");
}

const MANIFEST: &str = r#"[service]
name = "advised"

[database]
host = "${DB_HOST}"
port = "${DB_PORT}"
name = "${DB_NAME}"
user = "${DB_USER}"
password = "${DB_PASSWORD}"
"#;

/// An endpoint file.
fn endpoint(path: &str, parameters: &str, sql: &str) -> String {
    format!("/*\nget = \"/{path}\"\nresult = \"rows\"\n\n[parameters]\n{parameters}\n*/\n{sql}\n")
}

/// Name, parameters, statement, the code that is expected, and a part of message or help.
type Case = (&'static str, &'static str, &'static str, Option<(&'static str, &'static str)>);

const CASES: &[Case] = &[
    (
        "latest",
        "",
        "SELECT id, at FROM things ORDER BY at DESC, \"Odd one\" LIMIT 10",
        Some(("avoidable-sort", "CREATE INDEX ON things (at DESC, \"Odd one\")")),
    ),
    (
        "latest_of",
        "owner = { type = \"text\" }",
        "SELECT id FROM things WHERE owner = :owner ORDER BY at DESC LIMIT 10",
        Some(("missing-index", "CREATE INDEX ON things (owner, at DESC)")),
    ),
    (
        "mistyped",
        "number = { type = \"numeric\" }",
        "SELECT id FROM things WHERE number = :number",
        Some(("index-defeated", "type = \"int4\"")),
    ),
    (
        "lowered",
        "owner = { type = \"text\" }",
        "SELECT id FROM things WHERE lower(owner) = lower(:owner)",
        Some(("index-defeated", "CREATE INDEX ON things (lower(owner))")),
    ),
    (
        "of_day",
        "day = { type = \"date\" }",
        "SELECT id FROM things WHERE at::date = :day",
        Some(("index-defeated", "compared as date")),
    ),
    (
        "padded",
        "word = { type = \"text\" }",
        "SELECT id FROM things WHERE padded = :word",
        Some(("index-defeated", "bpchar")),
    ),
    (
        "varying",
        "word = { type = \"text\" }",
        "SELECT id FROM things WHERE varied = :word",
        Some(("missing-index", "CREATE INDEX ON things (varied)")),
    ),
    (
        "begins",
        "",
        "SELECT id FROM things WHERE owner LIKE 'owner 77%'",
        Some(("index-defeated", "CREATE INDEX ON things (owner text_pattern_ops)")),
    ),
    (
        "holds",
        "word = { type = \"text\" }",
        "SELECT id FROM things WHERE owner LIKE '%' || :word || '%'",
        Some(("index-defeated", "wildcard")),
    ),
    (
        "optional",
        "owner = { type = \"text\", required = false }",
        "SELECT id FROM things WHERE :owner IS NULL OR owner = :owner",
        Some(("index-defeated", "two endpoints")),
    ),
    (
        "correlated",
        "",
        "SELECT s.id, (SELECT max(t.at) FROM things AS t WHERE t.number = s.id) AS last FROM small AS s",
        Some(("missing-index", "CREATE INDEX ON things (number)")),
    ),
    (
        "measured",
        "number = { type = \"float8\" }",
        "SELECT owner FROM things WHERE id = :number",
        Some(("index-defeated", "type = \"int4\"")),
    ),
    (
        "written",
        "number = { type = \"text\" }",
        "SELECT owner FROM things WHERE id::text = :number",
        Some(("index-defeated", "type = \"int4\"")),
    ),
    (
        "spilled",
        "",
        "SELECT id, note FROM wide ORDER BY at, id",
        Some(("avoidable-sort", "goes by way of files")),
    ),
    // Read from the index alone, which is read as a whole.
    (
        "covered",
        "number = { type = \"numeric\" }",
        "SELECT id FROM wide WHERE id = :number",
        Some(("index-defeated", "type = \"int4\"")),
    ),
    ("fits", "", "SELECT id FROM wide ORDER BY at, id", None),
    ("by_larger_key", "id = { type = \"int8\" }", "SELECT owner FROM things WHERE id = :id", None),
    ("by_key", "id = { type = \"int4\" }", "SELECT id FROM things WHERE id = :id", None),
    ("small", "name = { type = \"text\" }", "SELECT id FROM small WHERE name = :name", None),
    ("everything", "", "SELECT count(*) AS count FROM things", None),
    ("most", "", "SELECT id FROM things WHERE at > '2000-01-01'", None),
];

#[test]
fn each_kind_of_advice_is_given_where_it_helps_and_nowhere_else() {
    let database = postgres::database();
    database.psql(
        "SET synchronous_commit = on;
         CREATE TABLE things (id int PRIMARY KEY, number int NOT NULL, owner text NOT NULL,
           at timestamptz NOT NULL, \"Odd one\" int, padded char(8), varied varchar(20));
         INSERT INTO things SELECT n, n, 'owner ' || n % 5000, timestamptz '2020-01-01' + n * interval '1 minute',
           n, 'p' || n % 9000, 'v' || n % 9000 FROM generate_series(1, 50000) AS n;
         CREATE TABLE small (id int, name text);
         INSERT INTO small SELECT n, 'name ' || n FROM generate_series(1, 500) AS n;
         CREATE TABLE wide (id int PRIMARY KEY, at timestamptz NOT NULL, note text NOT NULL);
         INSERT INTO wide SELECT n, timestamptz '2020-01-01' + n * interval '1 minute', repeat(md5(n::text), 10)
           FROM generate_series(1, 20000) AS n;
         ANALYZE things, small;",
    );
    // Then an index alone says what it holds: of rows whose commit is on the disk.
    database.psql("VACUUM (ANALYZE) wide");
    let folder = Folder::new("advice");
    folder.write("howdah.toml", MANIFEST);
    for (name, parameters, sql, _) in CASES {
        folder.write(&format!("endpoints/{name}.sql"), endpoint(name, parameters, sql));
    }
    let found = advice(folder.path(), &database);
    let of =
        |name: &str| found.iter().filter(|it| it[0] == format!("{name}.sql")).collect::<Vec<_>>();
    for (name, _, _, expected) in CASES {
        match (expected, &of(name)[..]) {
            (None, []) => {}
            (Some((code, part)), [[_, known, message, help]]) => {
                assert_eq!(known, code, "{name}: {message}");
                assert!(message.contains(part) || help.contains(part), "{name}: {message}; {help}");
            }
            (_, other) => panic!("{name}: {other:#?}"),
        }
    }
    // Every statement that is advised can be run, and with all of them nothing of them is left to say.
    let creates = found.iter().filter(|it| it[3].starts_with("CREATE"));
    for [name, _, _, help] in creates.clone() {
        // Only a superuser may install an extension that is not trusted.
        database.psql_as_superuser(&format!("SET search_path = public; {help}"));
        assert!(!help.contains(['\'', '$']), "{name}: no value of a statement is in {help}");
    }
    database.psql_as_superuser("ANALYZE things, wide");
    let left = advice(folder.path(), &database);
    for [name, _, _, help] in creates {
        let still = left.iter().find(|it| it[0] == *name && it[3] == *help);
        assert!(still.is_none(), "{name} is still advised, so the index is not used: {help}");
    }
}

#[test]
fn tables_that_were_never_analysed_are_advised_about_with_a_doubt() {
    let database = postgres::database();
    database.psql(
        "CREATE TABLE things (id int, owner text) WITH (autovacuum_enabled = false);
         INSERT INTO things SELECT n, 'owner ' || n FROM generate_series(1, 50000) AS n",
    );
    let folder = Folder::new("advice");
    folder.write("howdah.toml", MANIFEST);
    let sql = "SELECT id FROM things WHERE owner = :owner";
    folder.write("endpoints/of.sql", endpoint("of", "owner = { type = \"text\" }", sql));
    let found = advice(folder.path(), &database);
    let of: Vec<_> = found.iter().filter(|it| it[0] == "of.sql").collect();
    assert_eq!(of.len(), 1, "{found:#?}");
    assert_eq!(of[0][3], "CREATE INDEX ON things (owner)");
}

#[test]
fn a_route_that_is_measured_slow_is_advised_about_in_the_log_once() {
    let database = postgres::database();
    database.psql(
        "CREATE TABLE things (id int, owner text);
         INSERT INTO things SELECT n, 'owner ' || n FROM generate_series(1, 20000) AS n;
         ANALYZE things",
    );
    let folder = Folder::new("advice");
    folder.write("howdah.toml", MANIFEST);
    let sql = "SELECT id, pg_sleep(0.26)::text AS slept FROM things WHERE owner = :owner";
    folder.write("endpoints/of.sql", endpoint("of", "owner = { type = \"text\" }", sql));
    let service = serve(folder.path()).database(&database).start();
    eventually("it is ready", PATIENCE, || service.get_admin("/ready").status == 200);
    std::thread::scope(|scope| {
        for client in 0..5 {
            let service = &service;
            scope.spawn(move || {
                for turn in 0..6 {
                    let path = format!("/of?owner=owner%20{}", client * 10 + turn + 1);
                    assert_eq!(service.get(&path).status, 200);
                }
            });
        }
    });
    let said = "GET /of is slow: `things`";
    eventually("the log says so", PATIENCE, || service.output().contains(said));
    let log = service.output();
    assert!(log.contains("CREATE INDEX ON things (owner)"), "{log}");
    assert_eq!(log.matches(said).count(), 1, "{log}");
}
