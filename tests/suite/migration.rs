//! Migrations and seeds against a real PostgreSQL.

use crate::support::{database::Database, eventually, postgres};
use howdah::{
    diagnostic::{Code, Diagnostics, SourceFile},
    migration::{self, Migrations, Progress},
    postgres::{
        Target,
        session::{self, Session},
    },
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

fn target(database: &Database) -> Target {
    database.target("howdah test", Duration::from_secs(5))
}

async fn session(database: &Database) -> Session {
    session::connect(&target(database)).await.unwrap()
}

fn files(all: &[(&str, &str)]) -> Vec<Arc<SourceFile>> {
    all.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect()
}

/// Applies, and gives what was told on the way.
async fn apply(database: &Database, all: &[(&str, &str)]) -> Result<Vec<String>, Diagnostics> {
    let migrations = Migrations::parse(&files(all))?;
    let told = Mutex::new(Vec::new());
    let listener = |progress: Progress<'_>| match progress {
        Progress::Applied { file, .. } => told.lock().unwrap().push(file.to_owned()),
        Progress::Waiting => told.lock().unwrap().push("waiting".to_owned()),
        other => panic!("{other:?}"),
    };
    migration::apply(&mut session(database).await, &migrations, &listener).await?;
    Ok(told.into_inner().unwrap())
}

async fn seed(database: &Database, all: &[(&str, &str)]) -> Result<Vec<String>, Diagnostics> {
    let told = Mutex::new(Vec::new());
    let listener = |progress: Progress<'_>| match progress {
        Progress::Seeded { file, .. } => told.lock().unwrap().push(file.to_owned()),
        Progress::SeedChanged { file } => told.lock().unwrap().push(format!("{file} changed")),
        other => panic!("{other:?}"),
    };
    migration::seed(&mut session(database).await, &files(all), &listener).await?;
    Ok(told.into_inner().unwrap())
}

fn value(database: &Database, sql: &str) -> String {
    database.psql(sql)[0][0].clone().unwrap_or_default()
}

const ONE: (&str, &str) = ("migrations/0001_one.sql", "CREATE TABLE one (a int); SELECT 1;");
const TWO: (&str, &str) =
    ("migrations/0002_two.sql", "SET search_path TO pg_catalog; CREATE TABLE public.two (a int)");
const THREE: (&str, &str) = ("migrations/0003_three.sql", "ALTER TABLE one ADD b text");

#[tokio::test]
async fn migrations_are_applied_once_in_order() {
    let database = postgres::database();
    assert_eq!(apply(&database, &[TWO, ONE]).await.unwrap(), [ONE.0, TWO.0]);
    assert_eq!(apply(&database, &[TWO, ONE]).await.unwrap(), [""; 0]);
    // The second one's search path does not reach the third.
    assert_eq!(apply(&database, &[ONE, TWO, THREE]).await.unwrap(), [THREE.0]);
    assert_eq!(value(&database, "SELECT count(*) FROM howdah.migrations"), "3");
}

#[tokio::test]
async fn a_plan_changes_nothing() {
    let database = postgres::database();
    let migrations = Migrations::parse(&files(&[ONE, TWO])).unwrap();
    let session = session(&database).await;
    let plan = migration::plan(&session, &migrations).await.unwrap();
    assert_eq!((plan.applied.len(), plan.pending.len()), (0, 2));
    assert_eq!(value(&database, "SELECT to_regnamespace('howdah')::text"), "");
    apply(&database, &[ONE]).await.unwrap();
    let plan = migration::plan(&session, &migrations).await.unwrap();
    assert_eq!(plan.applied[0].name, "one");
    assert_eq!(plan.pending[0].name, "two");
}

#[tokio::test]
async fn a_failing_statement_is_shown_with_its_caret_and_leaves_nothing() {
    let database = postgres::database();
    let wrong =
        ("migrations/0002_wrong.sql", "CREATE TABLE kept (a int);\n-- é\nCREATE TABEL x ();");
    let found = apply(&database, &[ONE, wrong]).await.unwrap_err();
    let json = found.to_json();
    assert_eq!(json[0]["code"], "statement");
    assert_eq!(json[0]["sqlstate"], "42601");
    assert_eq!((&json[0]["line"], &json[0]["column"]), (&3.into(), &8.into()), "{json}");
    assert_eq!(json[0]["end_column"], 13);
    assert_eq!(json[0]["file"], wrong.0);
    let tables = "SELECT string_agg(relname, ' ') FROM pg_class WHERE relname IN ('one', 'kept')";
    assert_eq!(value(&database, tables), "one");
    // Mended, it goes on from there.
    let mended = (wrong.0, "CREATE TABLE kept (a int)");
    assert_eq!(apply(&database, &[ONE, mended]).await.unwrap(), [mended.0]);
}

#[tokio::test]
async fn what_does_not_run_in_a_transaction_is_explained() {
    let database = postgres::database();
    let index = ("2_index.sql", "CREATE INDEX CONCURRENTLY i ON one (a)");
    let found = apply(&database, &[ONE, index]).await.unwrap_err();
    let help = found.iter().next().unwrap().help_text().unwrap();
    assert!(help.contains("without CONCURRENTLY"), "{help}");
    for copy in ["COPY one (a) FROM stdin;\n1\n\\.\n", "COPY one (a) FROM stdin"] {
        let found = apply(&database, &[ONE, ("2_copy.sql", copy)]).await.unwrap_err();
        let help = found.iter().next().unwrap().help_text().unwrap_or_default();
        assert!(help.contains("write INSERT"), "{}", found.render(false));
    }
    assert_eq!(apply(&database, &[ONE, THREE]).await.unwrap(), [THREE.0]);
}

#[tokio::test]
async fn a_history_that_does_not_fit_the_folder_is_refused() {
    let database = postgres::database();
    apply(&database, &[ONE, TWO]).await.unwrap();
    for (folder, message) in [
        ([(ONE.0, "CREATE TABLE one (a bigint)"), TWO], "migration 1 was changed after"),
        ([("0001_uno.sql", ONE.1), TWO], "migration 1 was renamed after"),
        ([TWO, THREE], "is not in the folder any more"),
    ] {
        let found = apply(&database, &folder).await.unwrap_err();
        let first = found.iter().next().unwrap();
        assert_eq!(first.code(), Code::Migration);
        assert!(first.message().contains(message), "{}", first.message());
    }
    let late = ("0000_late.sql", "SELECT 1");
    let found = apply(&database, &[late, ONE, TWO]).await.unwrap_err();
    assert!(found.render(false).contains("give it a number above 2"), "{}", found.render(false));
    database.psql("UPDATE howdah.migrations SET applied_on = '2021-02-31T00:00:00Z'");
    assert!(apply(&database, &[ONE, TWO]).await.is_err());
    database.psql("UPDATE howdah.migrations SET applied_on = 'yesterday'");
    let found = apply(&database, &[ONE, TWO]).await.unwrap_err();
    assert!(found.render(false).contains("changed by hand"), "{}", found.render(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_may_start_together() {
    let database = Arc::new(postgres::database());
    let slow = ("2_slow.sql", "SELECT pg_sleep(0.3); CREATE TABLE slow (a int)");
    let start = |database: Arc<Database>| {
        // Spawning asks for a future that may move between threads.
        tokio::spawn(async move { apply(&database, &[ONE, slow, THREE]).await.unwrap() })
    };
    let (first, second) = (start(Arc::clone(&database)), start(Arc::clone(&database)));
    let mut told = first.await.unwrap();
    told.extend(second.await.unwrap());
    told.retain(|line| line != "waiting");
    assert_eq!(told, [ONE.0, slow.0, THREE.0]);
}

#[tokio::test]
async fn the_second_instance_says_that_it_waits() {
    let database = Arc::new(postgres::database());
    let other = session(&database).await;
    other.execute("SELECT pg_advisory_lock($1)", &[&0x686f_7764_6168_i64]).await.unwrap();
    let waiting = tokio::spawn({
        let database = Arc::clone(&database);
        async move { apply(&database, &[ONE]).await.unwrap() }
    });
    tokio::task::spawn_blocking({
        let database = Arc::clone(&database);
        move || {
            eventually("it waits", Duration::from_secs(5), || {
                // Other tests' databases are on the same server.
                let waits = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database \
                             WHERE NOT granted AND datname = current_database()";
                value(&database, waits) == "1"
            })
        }
    })
    .await
    .unwrap();
    other.close().await;
    assert_eq!(waiting.await.unwrap(), ["waiting", ONE.0]);
}

#[tokio::test]
async fn the_history_shows_to_nobody_else() {
    let database = postgres::database();
    let reader = format!("{}_reader", database.user);
    let owner = &database.user;
    database.psql_as_superuser(&format!(
        "CREATE ROLE {reader}; ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO \
         {reader}; ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE ON SCHEMAS TO {reader}"
    ));
    apply(&database, &[ONE]).await.unwrap();
    seed(&database, &[("a.sql", "SELECT 1")]).await.unwrap();
    let seen = database.psql_as_superuser(&format!(
        "SET ROLE {reader}; SELECT table_name::text FROM information_schema.tables \
         WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
    ));
    assert_eq!(seen, [[Some("one".to_owned())]]);
}

#[tokio::test]
async fn first_answers_are_for_who_may_write_them() {
    let database = postgres::database();
    let [reader, writer] = ["reader", "writer"].map(|it| format!("{}_{it}", database.user));
    let owner = &database.user;
    database.psql_as_superuser(&format!(
        "CREATE ROLE {reader}; CREATE ROLE {writer}; ALTER DEFAULT PRIVILEGES FOR ROLE {owner} \
         GRANT SELECT ON TABLES TO {reader}; ALTER DEFAULT PRIVILEGES FOR ROLE {owner} \
         GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {writer}"
    ));
    for _ in 0..2 {
        apply(&database, &[ONE]).await.unwrap();
        for (role, table, may) in [
            (&reader, "idempotency", "false"),
            (&writer, "idempotency", "true"),
            (&writer, "migrations", "false"),
            (&writer, "service_step", "false"),
        ] {
            let asked =
                format!("SELECT has_table_privilege('{role}', 'howdah.{table}', 'SELECT')::text");
            assert_eq!(value(&database, &asked), may, "{role} {table}");
        }
    }
}

#[tokio::test]
async fn seeds_run_once_in_the_order_of_their_names() {
    let database = postgres::database();
    let (first, second) =
        (("seed/1.sql", "CREATE TABLE s (a int)"), ("seed/2.sql", "INSERT INTO s VALUES (1)"));
    assert_eq!(seed(&database, &[second, first]).await.unwrap(), [first.0, second.0]);
    let changed = (second.0, "INSERT INTO s VALUES (2)");
    let third = ("seed/3.sql", "INSERT INTO s VALUES (3)");
    assert_eq!(
        seed(&database, &[first, changed, third]).await.unwrap(),
        ["seed/2.sql changed", third.0]
    );
    assert_eq!(value(&database, "SELECT string_agg(a::text, ' ' ORDER BY a) FROM s"), "1 3");
    let wrong = ("seed/4.sql", "INSERT INTO s VALUES (4);\nINSERT INTO nowhere VALUES (1)");
    let found = seed(&database, &[wrong]).await.unwrap_err();
    assert_eq!(found.to_json()[0]["line"], 2);
    assert_eq!(value(&database, "SELECT count(*) FROM s WHERE a = 4"), "0");
}
