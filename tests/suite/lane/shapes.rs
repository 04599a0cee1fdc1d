//! Definitions that change under the lane.

use super::*;
use crate::support::postgres::database;

#[test]
fn a_column_that_changed_its_type_gives_no_row_to_anybody() {
    let database = database();
    database.psql("CREATE TABLE s (a text); INSERT INTO s VALUES ('1')");
    local(async {
        let lane = lane(&database, Settings { connections: 1, ..settings() }).await;
        let read = statement(0, "SELECT a FROM s WHERE $1 <> ''", 1, &[TEXT]);
        assert_eq!(ask(&lane, &read, &["x"]).await.unwrap(), one(1));
        for (ty, expected) in [("int4 USING a::int4", None), ("text", Some(one(1)))] {
            database.psql(&format!("ALTER TABLE s ALTER a TYPE {ty}"));
            for _ in 0..10 {
                let asked = (0..30).map(|_| {
                    let (lane, read) = (Rc::clone(&lane), Arc::clone(&read));
                    tokio::task::spawn_local(async move { ask(&lane, &read, &["x"]).await })
                });
                for task in asked.collect::<Vec<_>>() {
                    let outcome = task.await.unwrap();
                    match &expected {
                        Some(rows) => assert_eq!(&outcome.unwrap(), rows),
                        None => assert_eq!(outcome.unwrap_err(), Failure::ShapeChanged),
                    }
                }
            }
        }
    });
}

#[test]
fn a_change_before_the_first_use_is_seen_by_reads_and_writes() {
    let database = database();
    database.psql("CREATE TABLE s (a int4)");
    local(async {
        let writes = lane(&database, writing()).await;
        let insert = statement(0, "INSERT INTO s VALUES (1) RETURNING a", 0, &[TEXT]);
        for _ in 0..5 {
            assert_eq!(ask(&writes, &insert, &[]).await.unwrap_err(), Failure::ShapeChanged);
        }
        // Nothing of it was done.
        assert_eq!(database.psql("SELECT count(*)::text FROM s"), one(0));
        let reads = lane(&database, Settings { connections: 1, ..settings() }).await;
        let read = statement(0, "SELECT a FROM s", 0, &[INT4, TEXT]);
        let (one, two) = tokio::join!(ask(&reads, &read, &[]), ask(&reads, &read, &[]));
        assert_eq!(one.unwrap_err(), Failure::ShapeChanged);
        assert_eq!(two.unwrap_err(), Failure::ShapeChanged);
    });
}

#[test]
fn a_table_that_is_gone_and_comes_back_is_told_by_its_own_name() {
    let database = database();
    local(async {
        let lane = lane(&database, settings()).await;
        let read = statement(0, "SELECT a FROM later", 0, &[TEXT]);
        let ask_many = async || {
            let asked = (0..100).map(|_| {
                let (lane, read) = (Rc::clone(&lane), Arc::clone(&read));
                tokio::task::spawn_local(async move { ask(&lane, &read, &[]).await })
            });
            let mut outcomes = Vec::new();
            for task in asked.collect::<Vec<_>>() {
                outcomes.push(task.await.unwrap());
            }
            outcomes
        };
        for outcome in ask_many().await {
            assert_eq!(sqlstate(&outcome), "42P01");
        }
        database.psql("CREATE TABLE later (a text); INSERT INTO later VALUES ('here')");
        for outcome in ask_many().await {
            assert_eq!(outcome.unwrap(), one("here"));
        }
    });
}

#[test]
fn what_leaves_a_transaction_open_or_copies_ends_its_connection_alone() {
    local(async {
        let lane = lane(&database(), Settings { connections: 1, ..settings() }).await;
        let begin = statement(0, "BEGIN", 0, &[]);
        let copy = statement(1, "COPY (SELECT 1) TO STDOUT", 0, &[]);
        let copy_in = statement(2, "COPY pg_class FROM STDIN", 0, &[]);
        let echo = statement(3, "SELECT $1", 1, &[TEXT]);
        assert_eq!(ask(&lane, &begin, &[]).await.unwrap_err(), Failure::Unavailable);
        assert_eq!(sqlstate(&ask(&lane, &copy, &[]).await), "08P01");
        ask(&lane, &copy_in, &[]).await.unwrap_err();
        assert_eq!(ask(&lane, &echo, &["after"]).await.unwrap(), one("after"));
    });
}
