//! Which endpoints may share runs, and which have a form that answers many calls: PostgreSQL's plans
//! say so.

use crate::support::{database::Database, folder::Folder, postgres::database};
use howdah::{
    postgres::{Target, session},
    secret::Secret,
    service::Service,
    startup,
};
use std::{collections::BTreeMap, time::Duration};

const SCHEMA: &str = "
CREATE TYPE size AS ENUM ('small', 'big');
CREATE TABLE things (
  id int PRIMARY KEY, code text UNIQUE, size size, tags text[], price numeric, note varchar(20));
INSERT INTO things SELECT i, 'c' || i, 'big', '{}', i, 'n' FROM generate_series(1, 20000) AS i;
ANALYZE things;
CREATE FUNCTION plain(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN $1; END $$;
CREATE FUNCTION steady(int) RETURNS int STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN $1; END $$;
CREATE VIEW hidden AS SELECT id, random() AS luck FROM things;
CREATE FUNCTION toss(int, int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN random() < 0.5; END $$;
CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = toss);
CREATE FUNCTION any_size(int) RETURNS size LANGUAGE plpgsql AS $$ BEGIN RETURN 'big'; END $$;
CREATE CAST (int AS size) WITH FUNCTION any_size(int);
";

/// Name, front matter, statement; whether it may share runs, whether it has a form for many.
const ENDPOINTS: &[(&str, &str, &str, bool, bool)] = &[
    ("key", "result = 'row'", "SELECT code, price FROM things WHERE id = :id", true, true),
    ("text", "result = 'value'", "SELECT id FROM things WHERE code = :code --", true, true),
    ("enum", "result = 'row'", "SELECT :size::size AS size", true, true),
    ("number", "result = 'row'", "SELECT id FROM things WHERE price = :p AND id = :id", true, true),
    ("typmod", "result = 'row'", "SELECT :note::varchar(3) AS note, now() AS at", true, true),
    (
        "first",
        "result = 'row'",
        "SELECT id FROM things WHERE id > :id ORDER BY id LIMIT 1",
        true,
        true,
    ),
    ("limit", "result = 'row'", "SELECT id FROM things WHERE id = :id LIMIT :n", true, true),
    ("cte", "result = 'row'", "WITH t AS (SELECT :id::int AS id) SELECT id FROM t", true, true),
    ("steady", "result = 'row'", "SELECT steady(:id) AS it", true, true),
    // The author says no.
    (
        "opted",
        "result = 'row'\nbatch = false",
        "SELECT code FROM things WHERE id = :id",
        true,
        false,
    ),
    // Of several rows the order would be nobody's promise.
    ("rows", "", "SELECT code FROM things WHERE id = :id", true, false),
    ("alone", "result = 'row'", "SELECT count(*) FROM things WHERE id = 1", true, false),
    // Too dear for one to wait for another.
    ("scan", "result = 'row'", "SELECT count(*) AS it FROM things WHERE note = :note", true, false),
    // An array of arrays comes apart differently.
    ("array", "result = 'row'", "SELECT id FROM things WHERE tags = :tags AND id = 1", true, false),
    // An aggregate of nothing but arguments would be one of the outer statement.
    (
        "outer",
        "result = 'row'",
        "SELECT count(:id::int) AS it FROM things WHERE id = 1",
        true,
        false,
    ),
    // Something else each time.
    ("luck", "result = 'row'", "SELECT random() AS it, :id::int AS id", false, false),
    ("clock", "result = 'row'", "SELECT clock_timestamp() AS it, :id::int AS id", false, false),
    ("uuid", "result = 'row'", "SELECT gen_random_uuid() AS it, :id::int AS id", false, false),
    ("plain", "result = 'row'", "SELECT plain(:id) AS it", false, false),
    ("quoted", "result = 'row'", "SELECT \"plain\"(:id) AS it", false, false),
    ("operator", "result = 'row'", "SELECT :id ### 1 AS it", false, false),
    ("cast", "result = 'row'", "SELECT (:id::int)::size AS it", false, false),
    ("view", "result = 'row'", "SELECT luck FROM hidden WHERE id = :id", false, false),
    (
        "filter",
        "result = 'row'",
        "SELECT id FROM things WHERE id = :id AND random() < 2",
        false,
        false,
    ),
    ("sleep", "result = 'row'", "SELECT id FROM things, pg_sleep(0) WHERE id = :id", false, false),
    ("sample", "", "SELECT id FROM things TABLESAMPLE system (50) WHERE id = :id", false, false),
    ("show", "result = 'value'", "SHOW server_version", false, false),
];

fn target(database: &Database) -> Target {
    Target {
        host: database.host.clone(),
        port: database.port,
        database: database.name.clone(),
        user: database.user.clone(),
        password: Some(Secret::new(database.password.clone())),
        connect_timeout: Duration::from_secs(5),
        application_name: "howdah test".to_owned(),
        also: Vec::new(),
        direct: Vec::new(),
        session: howdah::config::SessionAttrs::Any,
        shuffles: false,
        tls: std::sync::Arc::default(),
    }
}

#[test]
fn plans_say_which_endpoints_may_share_runs_and_go_in_batches() {
    let database = database();
    database.psql(SCHEMA);
    let folder = Folder::new("natures");
    folder.write("howdah.toml", "[service]\nname = 'n'\nversion = '1'\n[database]\nname = 'n'\n");
    for (name, matter, sql, ..) in ENDPOINTS {
        let text = format!("/*\nget = '/{name}'\n{matter}\n*/\n{sql}");
        let declared: Vec<_> = ["id", "code", "size", "p", "note", "n", "tags"]
            .into_iter()
            .filter(|it| {
                sql.split(|it: char| it != ':' && !it.is_alphanumeric())
                    .any(|word| word.split("::").next() == Some(&format!(":{it}")))
            })
            .map(|it| format!("[parameters.{it}]\n"))
            .collect();
        let text = text.replacen("*/", &format!("{}*/", declared.concat()), 1);
        folder.write(&format!("endpoints/{name}.sql"), text);
    }
    let directory = folder.path().to_owned();
    let read = startup::Folder { directory, overrides: Vec::new(), port: None }.definition();
    let definition = read.unwrap_or_else(|wrong| panic!("{}", wrong.render(false))).value;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let service = runtime.block_on(async {
        let session = session::connect(&target(&database)).await.unwrap();
        Service::prepare(&definition, &session, None).await
    });
    let (service, _) = service.unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
    let found: BTreeMap<_, _> = service
        .endpoints()
        .map(|it| {
            let statement = &it.statement;
            (it.definition.name.as_str(), (statement.repeatable, statement.batch.is_some()))
        })
        .collect();
    let expected: BTreeMap<_, _> =
        ENDPOINTS.iter().map(|(name, _, _, shares, many)| (*name, (*shares, *many))).collect();
    assert_eq!(found, expected);
}
